// Package report is what all reports of measurements have in common: the head that says what
// was measured, where and by which command, figures with targets, and files that are written
// whole.
//
// It owns how a figure is judged and how a report lies on the disk; what is measured, and how
// its tables look, is the business of bench and bench/ann, which embed [Head] in their
// reports.
package report
