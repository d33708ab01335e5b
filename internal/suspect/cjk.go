package suspect

import (
	"regexp"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// isIdeographic reports whether r is of a script that is written without spaces between words.
func isIdeographic(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) || r == 'ー'
}

// ideographicRules look at the letters of a text, nothing between them.
var ideographicRules = []struct {
	name string
	expr *regexp.Regexp
}{
	{"override/zh", regexp.MustCompile(`(忽略|无视|忘记|忘掉|不要理会|不用管|無視|忽視|忘記)[^。]{0,10}(之前|以上|上面|上述|先前|前面|所有|原来|系统|系統|你的)[^。]{0,8}(指令|指示|提示|说明|說明|规则|規則|命令|设定|設定)`)},
	{"override/ja", regexp.MustCompile(`(以前|これまで|今まで|上記|前述|先ほど|すべて|全て|システム)[^。]{0,8}(指示|命令|プロンプト|ルール|指令|規則)[^。]{0,6}(無視|忘れ|破棄|無効)`)},
	{"override/ko", regexp.MustCompile(`(이전|위의|앞의|앞선|모든|기존|시스템)[^。.]{0,8}(지시|명령|지침|프롬프트|규칙)[^。.]{0,6}(무시|잊)`)},
	{"leak/zh", regexp.MustCompile(`(显示|输出|打印|重复|告诉我|透露|泄露|顯示|輸出)[^。]{0,8}(系统提示|系统指令|提示词|系統提示)`)},
	{"leak/ja", regexp.MustCompile(`(システムプロンプト|システム指示)[^。]{0,8}(表示|教え|出力|公開|明かし)`)},
	{"leak/ko", regexp.MustCompile(`(시스템프롬프트|시스템지침)[^。.]{0,8}(보여|출력|공개|알려)`)},
	{"conceal/zh", regexp.MustCompile(`(不要|别|不得|切勿|請勿)[^。]{0,4}(告诉|告知|通知|提及|告訴)[^。]{0,4}(用户|使用者|用戶)`)},
	{"conceal/ja", regexp.MustCompile(`(ユーザー|利用者)[^。]{0,8}(伝え|知らせ|言わ)ないで`)},
	{"role/zh", regexp.MustCompile(`(从现在开始|从现在起|現在起|你现在是)[^。]{0,8}(你是|扮演|助手|机器人|没有限制|不受限制|模式)`)},
	{"role/ja", regexp.MustCompile(`(今から|これから)(あなた|君)は`)},
}

// ideographic looks at text in scripts without spaces.
func ideographic(text string) []Finding {
	letters := make([]byte, 0, len(text))
	places := make([]int, 0, len(text)+1) // of each byte of letters in text
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if !unicode.IsSpace(r) && !isInvisible(r) {
			n := len(letters)
			letters = norm.NFKC.AppendString(letters, text[i:i+size])
			for range len(letters) - n {
				places = append(places, i)
			}
		}
		i += size
	}
	places = append(places, len(text))
	var found []Finding
	for _, r := range ideographicRules {
		for _, at := range r.expr.FindAllIndex(letters, maxFindings) {
			found = append(found, Finding{Start: places[at[0]], End: endOf(text, places[at[1]-1]), Rule: r.name})
		}
	}
	return found
}

// endOf is where the character at i ends.
func endOf(text string, i int) int {
	_, size := utf8.DecodeRuneInString(text[i:])
	return i + size
}
