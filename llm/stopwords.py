"""Words that say nothing about what a question is about, per language."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


ENGLISH = _set(
    """a about above after again against all also am an and any are aren't as at be because been before
    being below between both but by can cannot could couldn't did didn't do does doesn't doing don't
    down during each either else ever every few for from further get give had has have having he her
    here hers him his how i if in into is isn't it it's its itself just let list many may me might
    more most much must my no nor not of off on once only or other ought our ours out over own
    please same shall she should show so some such tell than that the their theirs them then there
    these they this those through to too under until up upon us very was wasn't we were weren't what
    what's when where whether which while who who's whom whose why will with within without won't
    would you your yours describe explain know mean means name s t"""
)
GERMAN = _set(
    """aber alle allem allen aller alles als also am an ander andere anderem anderen anderer anderes
    auch auf aus bei beim bin bis bist da damit dann das dass daß dem den denn der des dessen deren
    dich die dies diese diesem diesen dieser dieses dir doch dort du durch ein eine einem einen
    einer eines er es etwas euch euer eure für gegen gibt hab habe haben hat hatte hatten hier hin
    hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im in ist ja jede jedem jeden jeder jedes
    jene jener jetzt kann kannst kein keine keinem keinen keiner können könnte machen man mehr mein
    meine mich mir mit muss musste nach nicht nichts noch nun nur ob oder ohne sehr sein seine
    seinem seinen seiner seit sich sie sind so solche soll sollte sondern sonst über um und uns
    unser unsere unter viel viele vielen vom von vor während wann war waren warum was weil welche
    welchem welchen welcher welches wenn wer werde werden wem wen wessen wie wieder wieso will wir
    wird wirst wo wohin wollen worden wurde wurden zu zum zur zwar zwischen bitte nenne erkläre
    beschreibe"""
)
FRENCH = _set(
    """à ai ainsi après au aucun aussi autre autres aux avant avec avez avoir avons c ce ceci cela
    celle celles celui ces cet cette ceux chaque ci comme comment d dans de depuis des donc dont du
    elle elles en encore entre es est et étaient était étant été être eu faire fait faut font il ils
    j je jusque l la le les leur leurs lors lui m ma mais me même mes moi mon n ne ni nos notre nous
    on ont ou où par pas pendant peu peut peuvent plus pour pourquoi qu quand que quel quelle
    quelles quels qui quoi s sa sans se selon ses si sont sous sur t ta te tes toi ton tous tout
    toute toutes très tu un une vos votre vous y combien expliquez décrivez"""
)
SPANISH = _set(
    """a al algo alguna algunas alguno algunos ante antes aquel aquella así aunque cada como cómo con
    contra cual cuál cuáles cuando cuándo cuanto cuánto cuántos de del desde donde dónde dos durante
    e el él ella ellas ellos en entre era eran es esa esas ese eso esos esta está están estas este
    esto estos fue fueron ha hace han hasta hay la las le les lo los más me mi mis mucho muchos muy
    nada ni no nos nosotros o otra otras otro otros para pero poco por porque qué que quien quién
    quiénes se sea según ser si sí sido sin sobre son su sus también tan te tiene tienen todo todos
    tu tus un una unas uno unos usted y ya yo"""
)

BY_LANGUAGE = {"en": ENGLISH, "de": GERMAN, "fr": FRENCH, "es": SPANISH}
