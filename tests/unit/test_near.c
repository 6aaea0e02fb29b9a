/* test_near.c - near duplicates and languages: what is told apart, and that a hundred thousand texts take seconds. */
#include "work/language.h"
#include "work/near.h"
#include "base/random.h"
#include "hub_test.h"

static void pairs(void **state)
{
    static const char *const s[] = {
        "How do I locate my card, please?", "How do I locate my card please", "how do i locate my cards, please", "What is the exchange rate today?",
        "Why was my transfer declined yesterday evening?", "Why was my transfer declined yesterday evening!?", "", "x", "x", "Ünïcode ist schön, ja?", "ünïcode IST schön ja",
    };
    enum { N = sizeof s / sizeof *s };
    static const uint32_t wanted[N] = { 0, 0, 0, 3, 4, 4, 6, 7, 7, 9, 9 };
    struct near_text t[N];
    uint32_t of[N];
    float share[N];
    (void)state;
    for (int i = 0; i < N; i++) t[i] = (struct near_text){ s[i], strlen(s[i]) };
    assert_ok(near_find(t, N, 0.6, NULL, NULL, of, share));
    for (int i = 0; i < N; i++) assert_int_equal(of[i], wanted[i]);
    assert_true(share[1] == 1 && share[2] > 0.6f && share[2] < 1 && share[3] == 0);
    assert_ok(near_find(t, N, 1, NULL, NULL, of, NULL));
    assert_int_equal(of[2], 2);
}

/* Words at random; every fifth text is an earlier one with a word changed. */
static void many(void **state)
{
    enum { N = 4000, WORDS = 100, WIDE = WORDS * 6 };
    struct near_text *t = malloc(N * sizeof *t);
    uint32_t *of = malloc(N * sizeof *of);
    char *text = malloc((size_t)N * (WIDE + 1));
    size_t found = 0, wrong = 0;
    (void)state;
    assert_true(t && of && text);
    for (uint32_t i = 0; i < N; i++) {
        char *to = text + (size_t)i * (WIDE + 1);
        for (uint32_t w = 0; w < WORDS; w++) {
            uint32_t from = i % 5 == 4 && w != 17 ? i - 1 : i, in[4] = { from, w, 0, 0 }, out[4];
            philox4x32(1, in, out);
            sprintf(to + (size_t)w * 6, "%05u ", out[0] % 100000);
        }
        t[i] = (struct near_text){ to, WIDE };
    }
    assert_ok(near_find(t, N, 0.8, NULL, NULL, of, NULL));
    for (uint32_t i = 0; i < N; i++) found += of[i] == i - 1 && i % 5 == 4, wrong += of[i] != i && i % 5 != 4;
    assert_in_range(found, N / 5 - 3, N / 5);
    assert_int_equal(wrong, 0);
    for (uint32_t i = 0; i < N; i++) t[i] = t[0];                       /* all the same: one bucket of all */
    assert_ok(near_find(t, N, 0.8, NULL, NULL, of, NULL));
    for (uint32_t i = 0; i < N; i++) assert_int_equal(of[i], 0);
    free(t), free(of), free(text);
}

static void languages(void **state)
{
    static const struct { const char *code, *text; } said[] = {
        { "en", "What can I do if my card has not arrived after two weeks?" }, { "de", "Was kann ich tun, wenn meine Karte nach zwei Wochen noch nicht da ist?" },
        { "fr", "Que puis-je faire si ma carte n'est pas arrivée après deux semaines ?" }, { "es", "¿Qué puedo hacer si mi tarjeta no ha llegado después de dos semanas?" },
        { "pt", "O que eu posso fazer se o meu cartão não chegou depois de duas semanas?" }, { "it", "Che cosa posso fare se la mia carta non è arrivata dopo due settimane?" },
        { "nl", "Wat kan ik doen als mijn kaart na twee weken nog niet is aangekomen?" }, { "sv", "Vad kan jag göra om mitt kort inte har kommit efter två veckor?" },
        { "fi", "Mitä voin tehdä, jos kortti ei ole tullut kahden viikon jälkeen ja se on hukassa?" }, { "pl", "Co mogę zrobić, jeśli moja karta nie przyszła po dwóch tygodniach?" },
        { "tr", "Kartım iki hafta sonra hâlâ gelmediyse ne yapabilirim, bu neden oldu?" }, { "id", "Apa yang bisa saya lakukan jika kartu saya tidak datang dalam dua minggu ini?" },
        { "vi", "Tôi có thể làm gì nếu thẻ của tôi không đến sau hai tuần?" }, { "sw", "Nifanye nini kama kadi yangu haijafika baada ya wiki mbili?" },
        { "zu", "Abantu bonke bazalwa bekhululekile futhi ngoba wonke umuntu unelungelo lokuphila ngaphandle kokwesaba" },
        { "ru", "Что я могу сделать, если моя карта не пришла через две недели?" }, { "uk", "Що мені робити, якщо моя картка не прийшла, як ви казали, або її немає і досі?" },
        { "el", "Τι μπορώ να κάνω;" }, { "ja", "カードが届かない場合はどうすればいいですか" }, { "zh", "我的卡还没有到怎么办" }, { "ko", "카드가 안 왔어요" }, { "ar", "ماذا أفعل إذا لم تصل البطاقة إلى هذا العنوان بعد كل هذا" },
        { "he", "מה אני יכול לעשות" }, { "th", "ทำอย่างไร" }, { "hi", "मैं क्या कर सकता हूँ" }, { "und", "xyzzy plugh" }, { "und", "12 + 34" }, { "und", "" },
    };
    struct languages *l;
    struct language out;
    (void)state;
    assert_ok(languages_open(&l));
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        language_of(l, said[i].text, strlen(said[i].text), &out);
        if (strcmp(out.code, said[i].code) != 0) fail_msg("%s: taken for %s (%s)", said[i].text, out.code, out.name);
    }
    language_of(l, "og det er ikke for med", 22, &out);        /* as good Danish as Norwegian */
    assert_true(out.doubtful);
    languages_close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(pairs), cmocka_unit_test(many), cmocka_unit_test(languages) };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
