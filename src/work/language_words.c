/* language_words.c - little words of languages that share a script with others: articles, pronouns, prepositions, the commonest verbs.
 * Chosen by hand; a word may stand with several languages. */
#include "work/language.h"

const struct language_words language_words[] = {
    { "en", "English", "Latin", " the a of and to in is it that for was on are with as at be this have from or by not but what my i you can do how if your will am "
      "they there has when which an would we me why did does could been get got need want still yet no any just had so don't i'm it's " },
    { "de", "German", "Latin", " der die das und ist nicht ich zu den mit auf für ein eine es sich von dem im auch wie als wir sie was an aus werden noch bei "
      "haben hat sind nur oder mein kann wenn nach über einen war " },
    { "fr", "French", "Latin", " le la les de des et est un une que qui dans pour pas sur ce il je vous nous au avec plus par ne en du se elle sont mais ou mon "
      "ma été cette être à comment ai " },
    { "es", "Spanish", "Latin", " el la los las de que y en un una es no por con para se lo del al como más su mi pero está son me ha qué hay cuando muy sin "
      "sobre este ser tiene yo también fue puedo " },
    { "pt", "Portuguese", "Latin", " o a os as de que e em um uma é não por com para se do da no na dos das mais como mas ao eu você meu minha foi são está "
      "muito tem ser quando seu sua pelo pela também isso " },
    { "it", "Italian", "Latin", " il lo la i gli le di che e un una è non per con si del della dei al da in nel sono come ma più ha mi questo anche mio ho "
      "alla dalla sul cosa quando essere ci molto o " },
    { "nl", "Dutch", "Latin", " de het een en van is niet ik dat in op te met voor zijn er aan ook maar om als hij die wat mijn je we was bij of naar heeft "
      "kan dit uit deze worden ze nog hebben hoe " },
    { "sv", "Swedish", "Latin", " och att det är en i som på jag inte för med av den till har ett om man var kan du från men så hur vad min mitt mig eller när "
      "vi han hon de sig ska detta efter också " },
    { "da", "Danish", "Latin", " og at det er en i som på jeg ikke for med af den til har et om man var kan du fra men så hvordan hvad min mit mig eller når vi "
      "han hun de sig skal dette efter også blev " },
    { "nb", "Norwegian", "Latin", " og å det er en i som på jeg ikke for med av den til har et om man var kan du fra men så hvordan hva min mitt meg eller når vi "
      "han hun de seg skal dette etter også ble " },
    { "fi", "Finnish", "Latin", " ja on ei se että en hän oli mutta minä mitä kun ovat olen tämä niin voi myös jos kuin mikä sen ole joka ne sinä tai vain hyvin "
      "miten minun olla nyt sitten koska kanssa siitä " },
    { "pl", "Polish", "Latin", " i w nie na się z do to że jest o jak co ale po tak od za dla czy mnie są przez już jego tym go było może ja mi ten tylko być ma "
      "kiedy gdzie moja mój oraz " },
    { "cs", "Czech", "Latin", " a se na je v že to s z do i o jsem pro jako by ale jak co k po jsou od tak už který která si není mi bylo mám může být ve když "
      "nebo jen také můj při za " },
    { "ro", "Romanian", "Latin", " și de în a la cu nu este pe un o ce că din se pentru mai am sunt care dar sau ca fost eu lui al ei ai au prin sa această cum "
      "foarte când după fi meu mea " },
    { "hu", "Hungarian", "Latin", " a az és hogy nem is egy van ez de meg mi én ha csak volt már azt el még mint vagy nagyon ki be lesz kell hogyan vannak szerint "
      "ezt fel akkor minden után nincs " },
    { "tr", "Turkish", "Latin", " ve bir bu da de için ile çok ne var mı mi ben ama daha gibi olarak kadar değil o en sonra olan her nasıl beni benim şey bana var "
      "ise ya yok neden oldu " },
    { "id", "Indonesian", "Latin", " yang dan di itu dengan untuk tidak ini dari dalam akan pada saya ke karena ada bisa juga adalah apa kita mereka sudah anda atau "
      "oleh seperti bagaimana aku orang lebih telah kami sebagai " },
    { "vi", "Vietnamese", "Latin", " và của là có không được cho một những trong tôi với các để đã người này khi thì như về ở từ đến bạn làm rất nhiều cũng "
      "sẽ gì ra nếu phải còn " },
    { "sw", "Swahili", "Latin", " na ya wa ni kwa katika la za kuwa hii cha kama si au yake huo hivyo lakini kutoka sana baada mimi wao watu hiyo pia kwamba nini "
      "vipi yangu wake wangu moja alikuwa ambao ili hapo tu " },
    { "zu", "isiZulu", "Latin", " ukuthi futhi noma kanye ngoba kodwa lapho uma yini kuphela lokhu lo le kakhulu ngesikhathi abantu ukuze nge wakhe khona "
      "yilapho izwe yakhe bonke kuye ngokuthi labo leli lezi ke nakho manje kufanele ngaphandle umuntu wonke amalungelo elungelo ilungelo unelungelo " },
    { "af", "Afrikaans", "Latin", " die en van is nie 'n het in dat ek vir op te met wat sy om was dit as hulle maar aan ook by deur hy ons kan sal ons wees moet "
      "hoe word my jy haar baie na " },
    { "ru", "Russian", "Cyrillic", " и в не на что я с он как это по но они к у ты из за так же от мы бы вы для все его было о то мне если или есть была только "
      "когда очень может меня нет " },
    { "uk", "Ukrainian", "Cyrillic", " і в не на що я з він як це по але вони до у ти із за так же від ми б ви для все його було та є мені якщо або була тільки "
      "коли дуже може мене й про " },
    { "bg", "Bulgarian", "Cyrillic", " и в не на че аз с той как това по но те да се за от са ти из така ние бе вие за всички го беше ми ако или има само когато "
      "много може ме ще си е " },
    { "sr", "Serbian", "Cyrillic", " и у не на да је се са он како то по али они за од су ти из тако ми би ви све га био ако или има само када може ме ће што "
      "који сам " },
    { "ar", "Arabic", "Arabic", " في من على أن إلى هذا التي الذي لا ما هل عن مع كان هذه كل هو هي أو لم ذلك قد بعد بين ثم أنا كيف لي و إن عند " },
    { "fa", "Persian", "Arabic", " و در به از که این را با است برای آن یک می خود تا کرد بر هم نیست من ما چه شده شود اما یا هر بود دارد کنم چگونه " },
    { "ur", "Urdu", "Arabic", " کے کی میں ہے کا اور سے کو پر نے یہ کہ ہیں اس ایک نہیں بھی تھا جو وہ کر لئے گیا تو ہو میرا کیا ہوں آپ ہم " },
    { 0 },
};
