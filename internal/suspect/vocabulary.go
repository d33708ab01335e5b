package suspect

import (
	"strings"
	"unicode"
)

// class is a set of classes of words.
type class uint64

// The classes. A word may be of several.
const (
	cIgnore  class = 1 << iota // set aside, as orders
	cPrior                     // what came before
	cAll                       // everything
	cYours                     // the model's
	cOrders                    // instructions
	cAbove                     // what was said, without a noun
	cShow                      // bring to light
	cPrompt                    // what the model was told
	cSystem                    // of the one who runs the model
	cNot                       // not
	cNothing                   // nothing
	cTell                      // say to a person
	cUser                      // who asked
	cYou                       // the model, spoken to
	cAre                       // are
	cNow                       // from here on
	cLonger                    // no longer
	cRole                      // what a model is told to be
	cAct                       // behave
	cAs                        // as
	cModel                     // a model by its name or kind
	cAddress                   // what a letter to somebody begins with
	cHail                      // calls somebody
	cMust                      // has to
	cIf                        // in case
	cAny                       // whichever
	cReading                   // takes in
	cAnswer                    // say in answer
	cOnly                      // nothing but
	cReply                     // the answer
	cInclude                   // have in it
	cIn                        // in
	cSend                      // bring away
	cTalk                      // what was said in a conversation
	cSecret                    // what opens doors
	cTo                        // to
	cPlace                     // an address
	cUnbound                   // without rules
	cMode                      // mode
	cTool                      // what a model can use
	cKind                      // of tools
	cNew                       // new
	cRepeat                    // say again
	cFrom                      // from
	cOn                        // on
	cWhen                      // at the time
	cSummary                   // make short
)

// entry is what is known of a word.
type entry struct {
	text    string
	classes class
	lang    string // of its first class
	pairs   bool   // it is the second of a pair
}

var vocabulary = readVocabulary()

// shapes are the first bytes and lengths of words of the vocabulary: most words of a text have
// others, which is seen faster than by looking them up.
var shapes = func() (table [256][longestKnown + 1]bool) {
	for w := range vocabulary {
		if len(w) <= longestKnown {
			table[w[0]][len(w)] = true
		}
	}
	return table
}()

// lookup returns what is known of a word, nil where nothing is.
func lookup(w []byte) *entry {
	if len(w) <= longestKnown && !shapes[w[0]][len(w)] {
		return nil
	}
	return vocabulary[string(w)]
}

// readVocabulary folds the lists below as texts are folded.
func readVocabulary() map[string]*entry {
	m := map[string]*entry{}
	of := func(w string) *entry {
		w = foldWord(w)
		if m[w] == nil {
			m[w] = &entry{text: w}
		}
		return m[w]
	}
	for _, list := range lists {
		for lang, words := range list.words {
			for _, w := range strings.Fields(words) {
				of(w).add(list.class, lang)
			}
		}
	}
	for pair := range pairs {
		of(pair[0])
		of(pair[1]).pairs = true
	}
	return m
}

// add gives the word another meaning. A word of several languages is said to be English where
// it is, else of the first by name; one that leads, of a language in which it does.
func (e *entry) add(c class, lang string) {
	leads, led := c&leading != 0, e.classes&leading != 0
	if e.lang == "" || leads && !led || leads == led && e.lang != "en" && (lang == "en" || lang < e.lang) {
		e.lang = lang
	}
	e.classes |= c
}

// foldWord folds a word of the lists.
func foldWord(w string) string {
	var b strings.Builder
	for _, r := range w {
		for _, d := range decompose(r) {
			if !unicode.Is(unicode.Mn, d) {
				b.WriteRune(unicode.ToLower(d))
			}
		}
	}
	return b.String()
}

// leading are the classes that name the language of a finding.
const leading = cIgnore | cShow

// pairs are words that mean one thing together.
var pairs = map[[2]string]string{
	{"language", "model"}: "llm", {"language", "models"}: "llms", {"chat", "gpt"}: "chatgpt", {"system", "prompt"}: "systemprompt", {"system", "prompts"}: "systemprompt",
	{"ai", "assistant"}: "chatbot", {"ai", "assistants"}: "chatbots", {"ai", "model"}: "llm", {"ai", "models"}: "llms", {"ai", "agent"}: "chatbot", {"ai", "agents"}: "chatbots",
	{"no", "longer"}: "nolonger", {"api", "key"}: "apikey", {"api", "keys"}: "apikeys", {"do", "not"}: "dont", {"chat", "history"}: "chathistory",
	{"modele", "linguistique"}: "llm", {"assistant", "ia"}: "chatbot", {"asistente", "ia"}: "chatbot",
}

var lists = []struct {
	class class
	words map[string]string // by language
}{
	{cIgnore, map[string]string{
		"en": "ignore disregard forget override bypass overrule",
		"de": "ignoriere ignorieren ignoriert vergiss vergessen missachte missachten umgehe verwirf übergehe",
		"fr": "ignorez ignorer oublie oubliez oublier contourne contournez",
		"es": "ignorar ignorad olvida olvide olvidar olvidad omite",
		"it": "ignora ignorate ignorare dimentica dimenticate trascura",
		"pt": "ignorem esqueça esqueçam esquece desconsidere",
		"nl": "negeer negeren vergeet",
		"ru": "игнорируй игнорируйте проигнорируй проигнорируйте игнорировать забудь забудьте",
		"pl": "zignoruj zignorujcie ignoruj zapomnij pomiń",
		"tr": "yoksay görmezden unut",
		"ar": "تجاهل تجاهلوا انس",
		"hi": "अनदेखा नज़रअंदाज़ नजरअंदाज",
	}},
	{cPrior, map[string]string{
		"en": "previous prior above earlier preceding foregoing initial original former system safety",
		"de": "vorherigen vorherige vorigen früheren bisherigen obigen vorangegangenen vorstehenden ursprünglichen vorangehenden",
		"fr": "précédentes précédente précédents précédent antérieures antérieurs initiales",
		"es": "anteriores anterior previas previa previos iniciales",
		"it": "precedenti precedente iniziali",
		"pt": "prévias prévia iniciais",
		"nl": "vorige voorgaande eerdere bovenstaande",
		"ru": "предыдущие прежние вышеуказанные предшествующие предыдущую",
		"pl": "poprzednie wcześniejsze powyższe",
		"tr": "önceki yukarıdaki",
		"ar": "السابقة السابق أعلاه",
		"hi": "पिछले पिछली पूर्व",
	}},
	{cAll, map[string]string{
		"en": "all every everything any", "de": "alle alles sämtliche", "fr": "toutes tous tout", "es": "todas todo todos", "it": "tutte tutti", "nl": "alle alles",
		"ru": "все всё", "pl": "wszystkie wszystko", "tr": "tüm bütün", "ar": "جميع كل", "hi": "सभी",
	}},
	{cYours, map[string]string{
		"en": "your", "de": "deine deinen ihre ihren", "fr": "tes vos", "es": "tus sus", "it": "tue vostre", "pt": "suas tuas", "nl": "jouw je", "ru": "твои свои ваши", "pl": "twoje swoje",
	}},
	{cOrders, map[string]string{
		"en": "instructions instruction prompt prompts systemprompt directive directives guideline guidelines rules commands restrictions programming guardrails",
		"de": "anweisungen anweisung instruktionen regeln vorgaben befehle richtlinien",
		"fr": "consignes consigne directives règles",
		"es": "instrucciones instrucción indicaciones órdenes reglas directrices",
		"it": "istruzioni istruzione direttive regole indicazioni",
		"pt": "instruções instrução regras diretrizes ordens",
		"nl": "instructies instructie regels opdrachten richtlijnen",
		"ru": "инструкции инструкцию указания команды правила",
		"pl": "instrukcje polecenia zasady",
		"tr": "talimatları talimatlar talimatı kuralları",
		"ar": "التعليمات الأوامر القواعد",
		"hi": "निर्देशों निर्देश आदेशों",
	}},
	{cAbove, map[string]string{"en": "above told before previously"}},
	{cShow, map[string]string{
		"en": "reveal repeat print show output display leak disclose expose recite dump divulge",
		"de": "zeige zeig verrate nenne offenbare wiederhole ausgeben",
		"fr": "révèle révélez affiche affichez montre montrez répète répétez",
		"es": "revela revele muestra muestre repite imprime",
		"it": "rivela rivelate mostra mostrate ripeti stampa",
		"pt": "revele exiba repita mostre",
		"nl": "toon onthul herhaal",
		"ru": "покажи покажите раскрой раскройте выведи выведите повтори",
		"pl": "pokaż ujawnij wyświetl powtórz",
	}},
	{cRepeat, map[string]string{"en": "repeat recite"}},
	{cPrompt, map[string]string{"en": "prompt prompts", "ru": "промпт", "pl": "prompta"}},
	{cSystem, map[string]string{
		"en": "system initial hidden secret original internal developer", "fr": "système", "es": "sistema", "ru": "системный системные", "pl": "systemowy",
	}},
	{cPrompt | cSystem, map[string]string{"en": "systemprompt", "de": "systemanweisungen systemanweisung systemprompts", "nl": "systeemprompt"}},
	{cNot, map[string]string{
		"en": "not never dont without", "de": "nicht nie niemals nichts", "fr": "ne", "es": "no nunca", "it": "non mai", "pt": "não", "nl": "niet nooit", "ru": "не", "pl": "nie",
	}},
	{cNothing, map[string]string{"en": "nothing", "de": "nichts", "fr": "rien", "es": "nada", "it": "nulla niente", "pt": "nada", "nl": "niets", "ru": "ничего", "pl": "nic"}},
	{cTell, map[string]string{
		"en": "tell telling inform informing mention mentioning alert notify warn reveal disclose",
		"de": "sage sag sagen erwähne informiere verrate mitteilen", "fr": "dis dites informe informez mentionne mentionnez", "es": "digas diga informes informe menciones mencione",
		"it": "dire dirlo informare menzionare", "pt": "diga informe mencione", "nl": "zeg vertel vermeld", "ru": "говори говорите сообщай сообщайте упоминай", "pl": "mów informuj wspominaj",
	}},
	{cUser, map[string]string{
		"en": "user users human humans", "de": "benutzer nutzer anwender benutzern", "fr": "lutilisateur utilisateur utilisateurs", "es": "usuario usuarios", "it": "allutente utente lutente utenti",
		"pt": "usuário usuários utilizador", "nl": "gebruiker gebruikers", "ru": "пользователю пользователям пользователя", "pl": "użytkownikowi użytkownika",
	}},
	{cYou, map[string]string{"en": "you youre", "de": "du", "fr": "tu vous", "es": "tú eres", "it": "sei", "pt": "você", "nl": "jij je", "ru": "ты", "pl": "jesteś"}},
	{cAre, map[string]string{"en": "are youre", "de": "bist", "fr": "es êtes", "es": "eres", "it": "sei", "pt": "é", "nl": "bent", "ru": "ты", "pl": "jesteś"}},
	{cNow, map[string]string{"en": "now henceforth", "de": "jetzt nun", "fr": "maintenant désormais", "es": "ahora", "it": "ora adesso", "pt": "agora", "nl": "nu", "ru": "теперь", "pl": "teraz"}},
	{cLonger, map[string]string{"en": "nolonger"}},
	{cRole, map[string]string{
		"en": "dan unrestricted unfiltered uncensored jailbroken assistant chatbot bot hacker evil pirate persona administrator",
		"de": "uneingeschränkter assistent", "fr": "sans", "es": "asistente", "it": "assistente", "pt": "assistente", "ru": "ассистент помощник",
	}},
	{cRole | cModel, map[string]string{"en": "ai llm llms chatgpt gpt claude gemini copilot chatbot chatbots", "de": "ki", "fr": "ia", "ru": "ии нейросеть"}},
	{cAct, map[string]string{"en": "act behave pretend roleplay respond", "de": "verhalte"}},
	{cAs, map[string]string{"en": "as be"}},
	{cAddress, map[string]string{"en": "attention note notice message instructions instruction dear hello hey memo", "de": "achtung hinweis anweisung", "fr": "consigne", "es": "atención nota instrucción"}},
	{cHail, map[string]string{"en": "attention dear hey hello", "de": "achtung", "es": "atención"}},
	{cMust, map[string]string{"en": "must shall should"}},
	{cIf, map[string]string{"en": "if", "de": "wenn falls", "fr": "si", "es": "si", "it": "se", "pt": "se", "nl": "als", "ru": "если"}},
	{cAny, map[string]string{"en": "any every all"}},
	{cReading, map[string]string{"en": "reading reads processing processes summarizing summarising analyzing evaluating reviewing", "de": "liest", "fr": "lis lisez", "es": "lees"}},
	{cAnswer, map[string]string{"en": "answer respond reply say state output recommend claim", "de": "antworte antworten", "fr": "réponds répondez", "es": "responde responda", "it": "rispondi", "pt": "responda", "ru": "отвечай ответь"}},
	{cOnly, map[string]string{"en": "only always exactly", "de": "nur immer ausschließlich", "fr": "seulement toujours uniquement", "es": "solo sólo siempre únicamente", "it": "solo sempre", "pt": "apenas somente sempre", "ru": "только всегда"}},
	{cReply, map[string]string{"en": "answer answers response responses reply replies summary summaries", "de": "antwort antworten zusammenfassung", "fr": "réponse résumé", "es": "respuesta resumen"}},
	{cInclude, map[string]string{"en": "include contain begin end start say mention recommend state append add insert write", "de": "enthalten beginnen erwähnen", "fr": "inclure contenir", "es": "incluir contener"}},
	{cIn, map[string]string{"en": "in into to", "de": "in", "fr": "dans", "es": "en"}},
	{cSend, map[string]string{"en": "send post upload forward exfiltrate transmit email leak append encode", "de": "sende schicke übermittle", "fr": "envoie envoyez transmets", "es": "envía envíe manda", "ru": "отправь отправьте"}},
	{cTalk, map[string]string{"en": "conversation chathistory transcript", "de": "gespräch gesprächsverlauf unterhaltung", "fr": "conversation", "es": "conversación", "ru": "переписку разговор"}},
	{cSecret, map[string]string{"en": "password passwords credentials secrets apikey apikeys", "de": "passwort passwörter zugangsdaten", "fr": "passe identifiants", "es": "contraseña contraseñas credenciales", "ru": "пароль пароли"}},
	{cTo, map[string]string{"en": "to", "de": "an", "fr": "à", "es": "a", "ru": "на"}},
	{cPlace, map[string]string{"en": "http https www attacker"}},
	{cUnbound, map[string]string{"en": "jailbreak dan god unrestricted unfiltered uncensored developer"}},
	{cMode, map[string]string{"en": "mode"}},
	{cKind, map[string]string{"en": "browser browsing email search code shell terminal web python"}},
	{cTool, map[string]string{"en": "tool tools plugin plugins"}},
	{cNew, map[string]string{"en": "new", "de": "neue", "fr": "nouvelles", "es": "nuevas"}},
	{cFrom, map[string]string{"en": "from", "de": "ab", "fr": "partir", "es": "partir"}},
	{cOn, map[string]string{"en": "on", "de": "sofort"}},
	{cWhen, map[string]string{"en": "when if whenever"}},
	{cSummary, map[string]string{"en": "summarizing summarising summarize summarise asked"}},
}
