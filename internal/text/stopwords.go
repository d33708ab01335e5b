package text

import "strings"

// The words that are left out. The English ones are the 33 of Lucene, the list behind most
// published BM25 figures; those of other languages are the articles, prepositions, pronouns and
// auxiliaries that are in nearly every text.
const (
	englishStops = `a an and are as at be but by for if in into is it no not of on or such that the their then
		there these they this to was will with`
	danishStops = `af alle at da de dem den der det dig din du eller en end er et for fra han hans har havde hun hvad
		hvis hvor i ikke jeg kan man med men mig min når nu og også om op os på sig sin skal som til ud var vi vil
		ved være været`
	germanStops = `aber als am an auch auf aus bei bin bis bist da damit das dass daß dein dem den der des dessen die
		dies diese diesem diesen dieser dieses doch dort du durch ein eine einem einen einer eines er es euer für
		hatte hatten hat haben ich ihr ihre im in ins ist jede jedem jeden jeder jedes kann können man mein mich mir
		mit nach nicht noch nun nur ob oder ohne sehr sein seine sich sie sind so über um und uns unser unter vom von
		vor war waren was weil wenn werden wie wieder wir wird wo zu zum zur zwischen`
	spanishStops = `a al ante como con contra cual cuando de del desde donde durante e el él ella ellas ellos en entre
		era eran es esa ese eso esta está este esto fue ha han hasta hay la las le les lo los más me mi mientras muy
		ni no nos o para pero por porque que qué se ser si sí sin sobre son su sus también te tiene todo tu un una
		uno y ya yo`
	finnishStops = `ei että hän he ja jo joka jos kanssa koska kuin kun me minä mitä mukaan mutta myös ne niin nyt ole
		oli olla on ovat se sekä sen siitä sinä te tai tämä vaan vai vain`
	frenchStops = `à au aux avec ce ces cette dans de des du elle elles en est et étaient était été être eu il ils je
		la le les leur leurs lui ma mais me même mes mon ne nos notre nous on ont ou où par pas plus pour qu que qui
		sa sans se ses si son sont sur ta te tes ton tu un une vos votre vous y`
	frenchElided = `c d j jusqu l lorsqu m n puisqu qu quoiqu s t`
	italianStops = `a ad al alla alle allo agli ai anche che chi ci come con cui da dal dalla dalle dei degli del della
		delle dello di e è ed era erano fra gli ha hanno i il in io la le lei lo loro lui ma mi nel nella nelle nello
		noi non o per più però quale quando quanto quella quello questa questo se sei si sia sono su sua sue sui sul
		sulla suo tra tu un una uno vi voi`
	italianElided = `agl all c coll d dagl dall degl dell gl l m negl nell quell quest s sull t un v`
	dutchStops    = `aan al alles als altijd ben bij daar dan dat de der deze die dit doen door dus een en er ge haar had
		heb hebben heeft hem het hier hij hoe hun iemand iets ik in is ja je kan kon maar me meer men met mij mijn na
		naar niet niets nog nu of om omdat ons ook op over te tegen toch toen tot u uit uw van veel voor want waren
		was wat we wel werd wie wij wil worden zal ze zelf zich zij zijn zo zonder zou`
	norwegianStops = `alle at av både da de dem den der det deg din du eller en er et for fra ha han hans har hun hva hvis
		hvor i ikke jeg kan man med meg men min når nå og også om opp oss på seg sin skal som til ut var vi vil ved
		være vært`
	portugueseStops = `a à ao aos as às até com como da das de dela dele deles depois do dos e é ela elas ele eles em
		entre era essa esse esta está este eu foi há isso isto já lhe mais mas me mesmo meu minha muito na não nas nem
		no nos nós o os ou para pela pelas pelo pelos por qual quando que quem são se sem ser seu seus só sua suas
		também te tem ter um uma você`
	russianStops = `а без более бы был была были было быть в вам вас весь во вот все всё вы где да даже для до его ее её
		если есть еще ещё же за здесь и из или им их к как ко когда кто ли мне мы на над не него нее нет ни них но ну
		о об однако он она они оно от по под при с со так также такой там то того тоже той только том ты у уже что
		чтобы эта эти это я`
	swedishStops = `alla att av blev bli de dem den denna deras dess det detta dig din du där då efter ej eller en er ett
		från för ha hade han hans har henne hon i icke inte jag kan man med men mig min mot mycket nu när någon något
		och om oss på samma sig sin sitt ska som så till under upp ut utan vad var vara vi vid vilken är över`
)

// IsAsking reports whether a word as it is written only frames an English question or sentence:
// what, who, how, does. Such words stay in the index, for they may be names and parts of phrases,
// but in a question they find only other questions.
func IsAsking(word string) bool {
	return len(word) <= longestAsking && asking[strings.ToLower(word)]
}

const longestAsking = len("ourselves")

var asking = func() map[string]bool {
	const list = `about above after again all also am any because been before being below between both can could
		did do does doing down during each few from further had has have having he her here hers him his how i its
		itself just me more most my myself nor now off once only other our ours ourselves out over own same she
		should so some than them through too under until up very we were what when where which while who whom whose
		why would you your`
	words := make(map[string]bool)
	for word := range strings.FieldsSeq(list) {
		words[word] = true
	}
	return words
}()
