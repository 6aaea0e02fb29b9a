/* Made by tools/oracle/scores.py. */
static const struct { const char *answer, *wanted; double f1, rouge1, rouge2, rouge_l, chrf; } pairs[] = {   /* rouge -1: not of ASCII */
    { "The cat sat.", "the cat sat", 1, 1, 1, 1, 80.7971795939 },
    { "", "nothing", 0, 0, 0, 0, 0 },
    { "something", "", 0, 0, 0, 0, 0 },
    { "", "", 1, 0, 0, 0, 0 },
    { "a b c d e f", "f e d c b a", 1, 1, 0, 0.166666666667, 16.6666666667 },
    { "aaaa", "aa", 0, 0, 0, 0, 78.125 },
    { "Paris", "paris!", 1, 1, 0, 1, 43.9974293059 },
    { "42", "forty-two", 0, 0, 0, 0, 0 },
    { "x", "x", 1, 1, 0, 1, 100 },
    { "a the songs cat sat birds", "near sang.", 0, 0, 0, 0, 13.6871771186 },
    { "3", "cat sat river's river's", 0, 0, 0, 0, 0 },
    { "An sat", "river's cat sang. on An songs songs sang. cat", 0, 0.166666666667, 0, 0.166666666667, 6.67392967385 },
    { "sang. the cat An cat birds a dog river's a", "on sang. dog birds (1990) mat on sang. sang.", 0.4, 0.3, 0, 0.2, 21.856069388 },
    { "while near on birds Thé sat sang. cat Well-known while and", "birds river's naïve slept edge, sang. edge, near dog An mat", 0.285714285714, -1, -1, -1, 19.5081734059 },
    { "naïve An sat sang. dog 3 and slept café edge, dog Well-known", "on 3", 0.153846153846, -1, -1, -1, 8.19672131148 },
    { "mat naïve slept a and river's cat", "sat naïve birds sang. slept slept Thé near Well-known and sang.", 0.352941176471, -1, -1, -1, 20.102967952 },
    { "edge, sat sat old and Thé (1990) sat cat café Thé dog songs", "(1990) edge, dog Thé the (1990) near the edge, near", 0.380952380952, -1, -1, -1, 22.6988197027 },
    { "Well-known on and", "while", 0, 0, 0, 0, 8.57142857143 },
    { "dog a café An the the and sat mat edge, the birds old", "river's birds old", 0.363636363636, -1, -1, -1, 32.1354892789 },
    { "river's near (1990) the An a sat mat a An (1990) An", "and", 0, 0, 0, 0, 6.41025641026 },
    { "sang. mat old dog the a river's birds near Well-known sang. slept a Thé", "3 Well-known songs (1990) café cat edge, naïve (1990) birds the the the the", 0.190476190476, -1, -1, -1, 25.9704713815 },
    { "and songs", "cat while sat while edge, mat on", 0, 0, 0, 0, 5.24348854059 },
    { "Well-known cat on the sang. a", "on near Well-known the sat while Well-known the a", 0.4, 0.555555555556, 0.125, 0.444444444444, 34.0693019321 },
};
static const double chrf_of_all = 20.480100616;
static const struct { unsigned a, b; double p; } tests_of_mcnemar[] = {
    { 0, 0, 1 },
    { 1, 0, 1 },
    { 3, 3, 1 },
    { 5, 1, 0.21875 },
    { 2, 9, 0.0654296875 },
    { 0, 12, 0.00048828125 },
    { 30, 55, 0.00883620587609 },
    { 400, 470, 0.0192670528486 },
    { 1, 3000, 0 },
};
static const int wanted[] = { 2, 2, 4, 2, 3, 0, 0, 3, 3, 3, 3, 2, 0, 1, 0, 2, 2, 3, 1, 4, 0, 1, 4, 2, 1, 4, 0, 4, 2, 0, 2, 4, 2, 1, 2, 1, 4, 4, 4, 2, 1, 4, 1, 1, 3, 1, 1, 4, 3, 2, 0, 0, 2, 3, 2, 1, 4, 2, 3, 2 };
static const int answered[] = { 2, 2, 4, 2, 3, 0, 4, 3, 2, 0, 0, 5, 3, 3, 2, 2, 5, 3, 1, 5, 0, 0, 4, 5, 1, 3, 2, 4, 2, 0, 5, 4, 1, 1, 1, 1, 4, 4, 2, 2, 1, 4, 2, 5, 3, 3, 4, 4, 3, 2, 1, 1, 2, 3, 4, 1, 4, 2, 0, 0 };
static const double f1_of_five = 0.565808176643, f1_of_class_1 = 0.545454545455;
static const struct { unsigned right, n; double low, high; } intervals[] = {
    { 0, 10, 0, 0.277532799863 },
    { 10, 10, 0.722467200137, 1 },
    { 7, 30, 0.117923881445, 0.409283261581 },
    { 163, 200, 0.755429372388, 0.862698071994 },
    { 1, 3080, 5.73154664774e-05, 0.0018368995568 },
};
