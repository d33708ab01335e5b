// Writes expected.json: the ids that another implementation of these files gives for texts.
//
//   npm install @huggingface/tokenizers@0.2.0 && node expected.mjs > expected.json
import { readFileSync } from "node:fs";
import { Tokenizer } from "@huggingface/tokenizers";

const texts = [
  "The ore is washed in running water.", "Smelting needs charcoal and a strong draught.", "Die Kohle brennt langsam.", "鉱石は水で洗う。",
  "x", "!?", "🎉", "for i := range 10 { fmt.Println(i) }", "Café, naïve & über; ÜBER ß", "it's don't we're I'll", "2026 19 20 0 1234567",
  "a\tb\nc\r\n d", "  two  spaces   here  ", "end ", " begin", "waterwaterwater", "unwashable", "$5 + €3 = 8", "(ore) [coal] {gold}", "e\u0301 = é ﬁ ﬂ",
  "zero\u200bwidth\u200djoiner", "İstanbul ΑΣ", "A".repeat(40), "-- --- ...", "don’t “quote”", "中文 english 混合", "\u00a0nbsp\u3000wide", "a_b c-d e.f", "１２３ ½ Ⅷ", "…",
];
const out = { texts, ids: {} };
for (const name of ["bert", "cased", "unigram", "bpe"]) {
  const tokenizer = new Tokenizer(JSON.parse(readFileSync(`${name}.json`, "utf8")), {});
  out.ids[name] = texts.map((text) => Array.from(tokenizer.encode(text, { add_special_tokens: false }).ids));
}
console.log(JSON.stringify(out, null, 0).replaceAll('],"', '],\n"').replaceAll("]],", "]],\n"));
