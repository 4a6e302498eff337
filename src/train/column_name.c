#include "train/column_name.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { NAME = 64 };

/* Copies the letters and digits of a name, in lower case; false if they do not fit. */
static bool simplify(const char *name, char simple[NAME]) {
    size_t size = 0;
    for (; *name && size < NAME; name++)
        if (isalnum((unsigned char)*name) || (unsigned char)*name > 127)
            simple[size++] = (char)tolower((unsigned char)*name);
    if (size < NAME)
        simple[size] = '\0';
    return size < NAME;
}

bool column_same_name(const char *a, const char *b) {
    char x[NAME], y[NAME];
    return simplify(a, x) && simplify(b, y) ? *x && strcmp(x, y) == 0 : strcmp(a, b) == 0;
}

/* Names that mean a field as a whole. */
static const struct {
    const char *name;
    int field;
} wholes[] = {{"epoch", FIELD_EPOCH},
              {"epochs", FIELD_EPOCH},
              {"lr", FIELD_LR},
              {"learningrate", FIELD_LR},
              {"seconds", FIELD_SECONDS},
              {"imagespersecond", FIELD_IMAGES_PER_SECOND},
              {"weightshash", FIELD_WEIGHTS_HASH}};

/* The words that other names consist of. */
enum { TRAIN = 1, TEST = 2, LOSS = 4, ACCURACY = 8, STEPS = 16 };
static const struct word {
    const char *text;
    unsigned meaning;
} words[] = {
    {"train", TRAIN},     {"training", TRAIN},
    {"test", TEST},       {"testing", TEST},
    {"val", TEST},        {"valid", TEST},
    {"validation", TEST}, {"eval", TEST},
    {"evaluation", TEST}, {"dev", TEST},
    {"loss", LOSS},       {"nll", LOSS},
    {"xent", LOSS},       {"crossentropy", LOSS},
    {"acc", ACCURACY},    {"accuracy", ACCURACY},
    {"top1", ACCURACY},   {"acc1", ACCURACY},
    {"prec1", ACCURACY},  {"categoricalaccuracy", ACCURACY},
    {"step", STEPS},      {"epoch", 0},
    {"metrics", 0},       {"metric", 0},
    {"mean", 0},          {"avg", 0},
    {"average", 0},       {"sparse", 0},
    {"binary", 0},        {"multiclass", 0},
    {"percent", 0},       {"pct", 0},
};

/* The longest word that the text begins with, or NULL. */
static const struct word *first_word(const char *text) {
    const struct word *found = NULL;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strncmp(text, words[i].text, strlen(words[i].text)) == 0 &&
            !(found && strlen(found->text) > strlen(words[i].text)))
            found = &words[i];
    return found;
}

int column_meaning(const char *name, bool *steps) {
    char simple[NAME];
    unsigned meaning = 0;
    *steps = false;
    if (!simplify(name, simple))
        return COLUMN_UNKNOWN;
    for (size_t i = 0; i < sizeof wholes / sizeof *wholes; i++)
        if (strcmp(simple, wholes[i].name) == 0)
            return wholes[i].field;
    const struct word *word;
    for (const char *rest = simple; *rest; rest += strlen(word->text)) {
        if (!(word = first_word(rest)))
            return COLUMN_UNKNOWN;
        meaning |= word->meaning;
    }
    *steps = meaning & STEPS;
    switch (meaning & ~(unsigned)STEPS) {
    case TRAIN | LOSS:
        return FIELD_TRAIN_LOSS;
    case TRAIN | ACCURACY:
        return FIELD_TRAIN_ACCURACY;
    case TEST | LOSS:
        return FIELD_TEST_LOSS;
    case TEST | ACCURACY:
        return FIELD_TEST_ACCURACY;
    case LOSS:
        return COLUMN_LOSS;
    case ACCURACY:
        return COLUMN_ACCURACY;
    default:
        return COLUMN_UNKNOWN;
    }
}
