/* nearest.h - finds the known words that a mistyped word most probably means. */
#ifndef VGGCL_BASE_NEAREST_H
#define VGGCL_BASE_NEAREST_H

#include <stdbool.h>

/* Compares without case, and with "_" as "-". A candidate is near if few edits lead to it, if one of the two words
 * begins with the other, or if they share a part between hyphens; the nearest three are kept.
 *
 *     struct nearest n = nearest_to("epoch");
 *     nearest_consider(&n, "epochs");
 *     err_set(VGGCL_EUSAGE, "no such option%s", nearest_question(&n, "").text); // "...; did you mean epochs?" */
enum { NEAREST_MOST = 3, NEAREST_EXACT = 0, NEAREST_NONE = 99 };
struct nearest {
    const char *word;
    int rank; /* NEAREST_EXACT: the same word except for case and "_"; NEAREST_NONE: nothing is near; of all in found */
    const char *found[NEAREST_MOST];
    int count;
};
struct nearest nearest_to(const char *word);

/* The candidate's text must stay valid. */
void nearest_consider(struct nearest *n, const char *candidate);

/* Compares with an alias of the candidate; only few edits count. */
void nearest_consider_alias(struct nearest *n, const char *alias, const char *candidate);

/* "; did you mean PREFIXword?", with up to three words; "" if nothing is near. */
struct nearest_question {
    char text[192];
};
struct nearest_question nearest_question(const struct nearest *n, const char *prefix);

/* The same for a mistyped word and a NULL-terminated list of candidates. */
struct nearest_question nearest_choice(const char *word, const char *const *choices);

#endif
