/* test_personal.c - personal data: what is found, what only looks like it, and that nothing of it is left to be read. */
#include "work/personal.h"
#include "hub_test.h"

static struct personal *p;

static int open_all(void **state) { (void)state; return personal_open(&p) != HEARTH_OK; }
static int close_all(void **state) { (void)state; personal_close(p); return 0; }

/* "e-mail address=a@b.de; ..." */
static const char *found(const char *text)
{
    static char out[2000];
    const struct personal_hit *hit;
    size_t hits, n = 0;
    assert_ok(personal_find(p, text, strlen(text), &hit, &hits));
    out[0] = '\0';
    for (size_t i = 0; i < hits; i++)
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%s=%.*s", i ? "; " : "", hit[i].what, (int)(hit[i].to - hit[i].from), text + hit[i].from);
    return out;
}

static void forms(void **state)
{
    (void)state;
    assert_string_equal(found("Write to anna.weber+x@mail.example.co.uk."), "e-mail address=anna.weber+x@mail.example.co.uk");
    assert_string_equal(found("from 10.0.0.7 and 2001:db8::1 at 12:30:45"), "IP address=10.0.0.7; IP address=2001:db8::1");
    assert_string_equal(found("+49 (0)30 1234567, (555) 123-4567, phone: 030 1234567, or call me on 07911123456."),
                        "phone number=+49 (0)30 1234567; phone number=(555) 123-4567; phone number=030 1234567; phone number=07911123456");
    assert_string_equal(found("Dr. Peter Müller and my name is Anna, ich heiße Jörg Groß"), "name=Peter Müller; name=Anna; name=Jörg Groß");
    assert_string_equal(found("DE89 3704 0044 0532 0130 00, GB29NWBK60161331926819 and BE68 5390 0754 7034 from me"),
                        "IBAN=DE89 3704 0044 0532 0130 00; IBAN=GB29NWBK60161331926819; IBAN=BE68 5390 0754 7034");
    assert_string_equal(found("4111 1111 1111 1111 123; 5555555555554444; 3782-822463-10005"),
                        "payment card=4111 1111 1111 1111; payment card=5555555555554444; payment card=3782-822463-10005");
}

static void nationals(void **state)
{
    static const char *const good[][2] = {
        { "44051401359", "PESEL (PL)" }, { "12345678Z", "DNI or NIE (ES)" }, { "X1234567L", "DNI or NIE (ES)" }, { "RSSMRA85T10A562S", "codice fiscale (IT)" },
        { "811228-9874", "personnummer (SE)" }, { "131052-308T", "hetu (FI)" }, { "8001015009087", "ID (ZA)" }, { "11010519491231002X", "ID (CN)" },
        { "255081416802538", "NIR (FR)" }, { "111.444.777-35", "CPF (BR)" }, { "86095742719", "IdNr (DE)" }, { "2345 6789 0124", "Aadhaar (IN)" },
        { "078-05-1120", "SSN (US)" }, { "AB 12 34 56 C", "NINO (GB)" }, { "BSN: 111222333", "BSN (NL)" },
    };
    char wanted[200], text[200];
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        snprintf(text, sizeof text, "it is %s, he says", good[i][0]);
        snprintf(wanted, sizeof wanted, "%s=%s", good[i][1], good[i][0]);
        assert_string_equal(found(text), wanted);
    }
}

static void no_accidents(void **state)
{
    static const char *const clean[] = {
        "order 123456789012 of 11.11.2020 at 10:15, version 1.2.3", "44051401358", "12345678A", "RSSMRA85T10A562T", "811228-9875", "131052-308U",
        "8001015009088", "111.444.777-36", "078-00-1120", "000-12-3456", "DE89 3704 0044 0532 0130 01", "4111 1111 1111 1112", "999.1.1.1", "std::cout, a::b",
        "call me at 5", "the doctor and the mister", "user@host", "it costs 1,234,567.89 in 2024-2025", "86095742718", "111222333", "+1 2",
    };
    (void)state;
    for (size_t i = 0; i < sizeof clean / sizeof *clean; i++) assert_string_equal(found(clean[i]), "");
}

static void masks(void **state)
{
    const char *text = "Ask Dr. Zoë at zoe@clinic.example, 10.1.2.3.";
    const struct personal_hit *hit;
    size_t hits;
    struct buf b = { 0 };
    (void)state;
    assert_ok(personal_find(p, text, strlen(text), &hit, &hits));
    assert_ok(personal_replace(text, strlen(text), hit, hits, 1, &b));
    assert_string_equal(b.data, "Ask Dr. Z** at z**@******.*******, 1*.*.*.*.");
    b.len = 0;
    assert_ok(personal_replace(text, strlen(text), hit, hits, 0, &b));
    assert_string_equal(b.data, "Ask Dr. [name] at [e-mail], [IP address].");
    buf_free(&b);
}

/* A megabyte of what each pattern likes to begin with. */
static void linear(void **state)
{
    static const char *const bits[] = { "a", "1", "1 ", "+1", "a.", "a@", "Dr. ", "1:", "A1", "+1(2)", "phone 1", "1-", "DE12 ", "[", "Mr Aa " };
    enum { N = 200000 };
    char *text = malloc(N + 16);
    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++) {
        const struct personal_hit *hit;
        size_t hits, k = strlen(bits[i]), n = 0;
        while (n < N) memcpy(text + n, bits[i], k), n += k;
        assert_ok(personal_find(p, text, n, &hit, &hits));
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms), cmocka_unit_test(nationals), cmocka_unit_test(no_accidents), cmocka_unit_test(masks), cmocka_unit_test(linear),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, open_all, close_all);
}
