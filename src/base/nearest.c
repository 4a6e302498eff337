#include "base/nearest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST = 40 }; /* edits of longer words are not counted */

/* In the order in which they are preferred; edits are ranked by their number. */
enum { PREFIX = 20, PART = 30 };

struct nearest nearest_to(const char *word) {
    return (struct nearest){.word = word, .rank = NEAREST_NONE};
}

static int plain(char c) {
    return c == '_' ? '-' : tolower((unsigned char)c);
}

static bool same(const char *a, const char *b, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (plain(a[i]) != plain(b[i]))
            return false;
    return true;
}

static int least(int a, int b) {
    return a < b ? a : b;
}

/* Damerau-Levenshtein distance (optimal string alignment): insertions, deletions, replacements, and swaps of
 * neighbours. Both words have at most LONGEST characters. */
static int edits(const char *a, size_t a_length, const char *b, size_t b_length) {
    int d[LONGEST + 1][LONGEST + 1];
    for (size_t i = 0; i <= a_length; i++)
        for (size_t j = 0; j <= b_length; j++) {
            if (!i || !j) {
                d[i][j] = (int)(i + j);
                continue;
            }
            int replaced = d[i - 1][j - 1] + (plain(a[i - 1]) != plain(b[j - 1]));
            d[i][j] = least(replaced, least(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && plain(a[i - 1]) == plain(b[j - 2]) && plain(a[i - 2]) == plain(b[j - 1]))
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[a_length][b_length];
}

/* True if the word is one of the parts of text between hyphens. */
static bool is_part(const char *word, size_t length, const char *text) {
    for (size_t part; *text; text += part + (text[part] != '\0')) {
        part = strcspn(text, "-_");
        if (part == length && same(word, text, length))
            return true;
    }
    return false;
}

static int rank_by_edits(const char *word, const char *candidate) {
    size_t length = strlen(word), other = strlen(candidate);
    if (length > LONGEST || other > LONGEST)
        return NEAREST_NONE;
    int most = length <= 2 ? 0 : length <= 5 ? 1 : (int)length / 3, count = edits(word, length, candidate, other);
    return count <= most ? count : NEAREST_NONE;
}

static int rank_by_parts(const char *word, const char *candidate) {
    size_t length = strlen(word), other = strlen(candidate);
    if (length >= 2 && ((length < other && same(word, candidate, length)) ||
                        (other < length && other > 2 && same(word, candidate, other))))
        return PREFIX;
    return length > 2 && (is_part(word, length, candidate) || is_part(candidate, other, word)) ? PART : NEAREST_NONE;
}

static void keep(struct nearest *n, const char *candidate, int rank) {
    if (rank == NEAREST_NONE || rank > n->rank)
        return;
    if (rank < n->rank)
        n->count = 0;
    n->rank = rank;
    for (int i = 0; i < n->count; i++)
        if (strcmp(n->found[i], candidate) == 0)
            return;
    if (n->count < NEAREST_MOST)
        n->found[n->count++] = candidate;
}

void nearest_consider(struct nearest *n, const char *candidate) {
    int rank = rank_by_edits(n->word, candidate);
    keep(n, candidate, rank != NEAREST_NONE ? rank : rank_by_parts(n->word, candidate));
}

void nearest_consider_alias(struct nearest *n, const char *alias, const char *candidate) {
    keep(n, candidate, rank_by_edits(n->word, alias));
}

struct nearest_question nearest_question(const struct nearest *n, const char *prefix) {
    struct nearest_question q = {""};
    size_t used = 0;
    for (int i = 0; i < n->count && used < sizeof q.text; i++)
        used += (size_t)snprintf(q.text + used, sizeof q.text - used, "%s%s%s",
                                 i == 0              ? "; did you mean "
                                 : i == n->count - 1 ? " or "
                                                     : ", ",
                                 prefix, n->found[i]);
    if (used && used < sizeof q.text)
        snprintf(q.text + used, sizeof q.text - used, "?");
    return q;
}

struct nearest_question nearest_choice(const char *word, const char *const *choices) {
    struct nearest n = nearest_to(word);
    for (const char *const *choice = choices; *choice; choice++)
        nearest_consider(&n, *choice);
    return nearest_question(&n, "");
}
