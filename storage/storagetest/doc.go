// Package storagetest opens stores for tests. Every test that uses it is also a test that
// the store is consistent at the end: what Check reports fails the test.
package storagetest
