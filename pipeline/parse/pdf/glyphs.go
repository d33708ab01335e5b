package pdf

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// nameText returns the characters that a glyph name stands for, or nothing: a name from the
// tables below, a single letter, or one spelt out ("uni0041", "u1F600"), several of them
// joined by "_", and without suffixes such as ".sc".
func nameText(name string) string {
	name, _, _ = strings.Cut(name, ".")
	var out strings.Builder
	for part := range strings.SplitSeq(name, "_") {
		switch {
		case utf8.RuneCountInString(part) == 1:
			out.WriteString(part)
		case glyphNames[part] != "":
			out.WriteString(glyphNames[part])
		case strings.HasPrefix(part, "uni") && len(part) >= 7:
			out.WriteString(hexRune(part[3:7]))
		case strings.HasPrefix(part, "u") && len(part) >= 5 && len(part) <= 7:
			out.WriteString(hexRune(part[1:]))
		}
	}
	return out.String()
}

func hexRune(s string) string {
	n, err := strconv.ParseUint(s, 16, 32)
	if err != nil || n > unicode.MaxRune || n == 0 {
		return ""
	}
	return string(rune(n))
}

// glyphNames are the glyph names of Latin text, of Greek letters and of common mathematics;
// the library has the long list, but only behind the encoding of a font in a file.
var glyphNames = func() map[string]string {
	m := make(map[string]string, 512)
	for _, table := range []string{asciiNames, latinNames, otherNames} {
		fields := strings.Fields(table)
		for i := 0; i+1 < len(fields); i += 2 {
			m[fields[i]] = fields[i+1]
		}
	}
	m["space"], m["nbspace"], m["visiblespace"] = " ", " ", " "
	return m
}()

const asciiNames = `exclam ! quotedbl " numbersign # dollar $ percent % ampersand & quotesingle ' parenleft ( parenright )
	asterisk * plus + comma , hyphen - period . slash / zero 0 one 1 two 2 three 3 four 4 five 5 six 6 seven 7 eight 8 nine 9
	colon : semicolon ; less < equal = greater > question ? at @ bracketleft [ backslash \ bracketright ] asciicircum ^
	underscore _ braceleft { bar | braceright } asciitilde ~`

const latinNames = `exclamdown ¡ cent ¢ sterling £ currency ¤ yen ¥ brokenbar ¦ section § dieresis ¨ copyright © ordfeminine ª
	guillemotleft « logicalnot ¬ registered ® macron ¯ degree ° plusminus ± twosuperior ² threesuperior ³ acute ´ mu µ
	paragraph ¶ periodcentered · cedilla ¸ onesuperior ¹ ordmasculine º guillemotright » onequarter ¼ onehalf ½
	threequarters ¾ questiondown ¿ Agrave À Aacute Á Acircumflex Â Atilde Ã Adieresis Ä Aring Å AE Æ Ccedilla Ç Egrave È
	Eacute É Ecircumflex Ê Edieresis Ë Igrave Ì Iacute Í Icircumflex Î Idieresis Ï Eth Ð Ntilde Ñ Ograve Ò Oacute Ó
	Ocircumflex Ô Otilde Õ Odieresis Ö multiply × Oslash Ø Ugrave Ù Uacute Ú Ucircumflex Û Udieresis Ü Yacute Ý Thorn Þ
	germandbls ß agrave à aacute á acircumflex â atilde ã adieresis ä aring å ae æ ccedilla ç egrave è eacute é ecircumflex ê
	edieresis ë igrave ì iacute í icircumflex î idieresis ï eth ð ntilde ñ ograve ò oacute ó ocircumflex ô otilde õ
	odieresis ö divide ÷ oslash ø ugrave ù uacute ú ucircumflex û udieresis ü yacute ý thorn þ ydieresis ÿ
	Lslash Ł lslash ł OE Œ oe œ Scaron Š scaron š Zcaron Ž zcaron ž Ccaron Č ccaron č Ydieresis Ÿ dotlessi ı dotlessj ȷ
	sfthyphen -`

const otherNames = `ff ff fi fi fl fl ffi ffi ffl ffl ft ft tt tt Th Th IJ IJ ij ij quoteleft ‘ quoteright ’ quotesinglbase ‚
	quotedblleft “ quotedblright ” quotedblbase „ guilsinglleft ‹ guilsinglright › endash – emdash — bullet • ellipsis …
	dagger † daggerdbl ‡ perthousand ‰ fraction ⁄ trademark ™ Euro € florin ƒ circumflex ˆ tilde ˜ caron ˇ breve ˘ dotaccent ˙
	ring ˚ ogonek ˛ hungarumlaut ˝ grave ` + "`" + ` minus − infinity ∞ lessequal ≤ greaterequal ≥ notequal ≠ approxequal ≈
	equivalence ≡ similar ∼ similarequal ≃ congruent ≅ proportional ∝ element ∈ notelement ∉ owner ∋ propersubset ⊂
	propersuperset ⊃ reflexsubset ⊆ reflexsuperset ⊇ union ∪ intersection ∩ unionmulti ⊎ logicaland ∧ logicalor ∨ universal ∀
	existential ∃ emptyset ∅ gradient ∇ partialdiff ∂ summation ∑ summationtext ∑ summationdisplay ∑ product ∏ producttext ∏
	productdisplay ∏ integral ∫ integraltext ∫ integraldisplay ∫ radical √ radicalbig √ periodcentered · asteriskmath ∗
	circlemultiply ⊗ circleplus ⊕ circleminus ⊖ circledot ⊙ openbullet ◦ diamondmath ⋄ arrowright → arrowleft ← arrowup ↑
	arrowdown ↓ arrowboth ↔ arrowdblright ⇒ arrowdblleft ⇐ arrowdblboth ⇔ mapsto ↦ angbracketleft ⟨ angbracketright ⟩
	floorleft ⌊ floorright ⌋ ceilingleft ⌈ ceilingright ⌉ bardbl ‖ lscript ℓ prime ′ perpendicular ⊥ turnstileleft ⊢
	negationslash ̸ star ⋆ check ✓ checkmark ✓ alpha α beta β gamma γ delta δ epsilon ϵ epsilon1 ε zeta ζ eta η theta θ
	theta1 ϑ iota ι kappa κ lambda λ nu ν xi ξ omicron ο pi π pi1 ϖ rho ρ rho1 ϱ sigma σ sigma1 ς tau τ upsilon υ phi ϕ
	phi1 φ chi χ psi ψ omega ω Alpha Α Beta Β Gamma Γ Delta Δ Epsilon Ε Zeta Ζ Eta Η Theta Θ Iota Ι Kappa Κ Lambda Λ Mu Μ
	Nu Ν Xi Ξ Omicron Ο Pi Π Rho Ρ Sigma Σ Tau Τ Upsilon Υ Phi Φ Chi Χ Psi Ψ Omega Ω`
