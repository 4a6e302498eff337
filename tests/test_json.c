/* JSON that is made of any numbers and texts can be printed; what is read is bounded. */
#include "base/json.h"
#include "base/text.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BAD "\xEF\xBF\xBD"

static void assert_prints(json_t *json, const char *expected) {
    char *text = json_print(json, JSON_COMPACT);
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
    json_decref(json);
}

static void numbers_that_are_none(void **state) {
    (void)state;
    assert_prints(JSON_MAKE({"nan", json_make_number(NAN)}, {"inf", json_make_number(-INFINITY)},
                            {"half", json_make_number(0.5)}, {"most", json_integer(INT64_MAX)}),
                  "{\"nan\":null,\"inf\":null,\"half\":0.5,\"most\":9223372036854775807}");
}

/* Each byte that is not part of valid UTF-8 becomes U+FFFD, and jansson takes the result. */
static void texts_that_are_no_utf8(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"", ""},
        {"plain, \xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", "plain, \xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"},
        {"caf\xE9", "caf" BAD},                /* Latin-1 */
        {"\xFF\xFE", BAD BAD},                 /* never in UTF-8 */
        {"\xC3", BAD},                         /* cut */
        {"\xE2\x82", BAD BAD},                 /* cut */
        {"\x80z", BAD "z"},                    /* a continuation alone */
        {"\xC0\xAF", BAD BAD},                 /* overlong */
        {"\xE0\x80\xAF", BAD BAD BAD},         /* overlong */
        {"\xED\xA0\x80", BAD BAD BAD},         /* a surrogate */
        {"\xF4\x90\x80\x80", BAD BAD BAD BAD}, /* beyond U+10FFFF */
        {"\xF8\x88\x80\x80\x80", BAD BAD BAD BAD BAD},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *json = json_make_text(cases[i][0]);
        assert_string_equal(json_string_value(json), cases[i][1]);
        assert_int_equal(text_is_utf8(cases[i][0]), strcmp(cases[i][0], cases[i][1]) == 0);
        json_decref(json);
    }
    assert_prints(json_make_text(NULL), "null");
    assert_prints(json_make_format("%d:%s", 7, "\xFF"), "\"7:" BAD "\"");
}

/* Every text of one, two or three bytes: what jansson takes is valid, and what it does not is replaced. */
static void agrees_with_jansson(void **state) {
    (void)state;
    for (unsigned n = 1; n < 1u << 24; n += n < 1u << 16 ? 1 : 251) {
        const char text[] = {(char)(n & 255), (char)(n >> 8 & 255), (char)(n >> 16), '\0'};
        json_t *taken = json_string(text), *made = json_make_text(text);
        assert_int_equal(taken != NULL, text_is_utf8(text));
        assert_non_null(made);
        json_decref(taken);
        json_decref(made);
    }
}

/* What does not fit is left out by whole characters. */
static void texts_are_cut_between_characters(void **state) {
    (void)state;
    char text[8];
    text_utf8(text, 5,
              "ab\xE2\x82\xAC"
              "c");
    assert_string_equal(text, "ab");
    text_utf8(text, 6,
              "ab\xE2\x82\xAC"
              "c");
    assert_string_equal(text, "ab\xE2\x82\xAC");
    text_utf8(text, 4, "ab\xFF");
    assert_string_equal(text, "ab");
}

/* What is made of NULL is NULL, and nothing leaks. */
static void a_part_that_is_missing(void **state) {
    (void)state;
    json_t *list = json_array();
    json_add(&list, NULL);
    assert_null(list);
    json_add(&list, json_true());
    assert_null(list);
    assert_null(JSON_MAKE({"a", json_make_text("a")}, {"list", list}, {"b", json_make_text("b")}));
    assert_null(json_print(NULL, 0));
}

/* Repeats `part` count times, between two texts; read as JSON. */
static enum vggcl_err read_many(const char *before, const char *part, size_t count, const char *after) {
    size_t length = strlen(part), size = strlen(before) + count * length + strlen(after);
    char *text = malloc(size + 1), *end = text + strlen(before);
    json_t *json;
    assert_non_null(text);
    strcpy(text, before);
    for (size_t i = 0; i < count; i++, end += length)
        memcpy(end, part, length);
    strcpy(end, after);
    enum vggcl_err err = json_read(text, size, "many.json", &json);
    assert_int_equal(err == VGGCL_OK, json != NULL);
    json_decref(json);
    free(text);
    return err;
}

static void bounds_what_is_read(void **state) {
    (void)state;
    assert_int_equal(read_many("[", "0,", JSON_MOST_VALUES - 2, "0]"), VGGCL_OK);
    assert_int_equal(read_many("[", "0,", JSON_MOST_VALUES, "0]"), VGGCL_EFORMAT);
    assert_string_equal(vggcl_error(), "many.json: has more than 262144 JSON values");
    assert_int_equal(read_many("", "[", JSON_MOST_LEVELS, "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"), VGGCL_OK);
    assert_int_equal(read_many("", "{\"a\":", JSON_MOST_LEVELS + 1, ""), VGGCL_EFORMAT);
    assert_string_equal(vggcl_error(), "many.json: has JSON nested more than 32 levels deep");
    assert_int_equal(read_many("[\"", "[,\\\"", JSON_MOST_VALUES, "\"]"), VGGCL_OK); /* one string */
    assert_int_equal(read_many("[\"", "[,", JSON_MOST_VALUES, "\\"), VGGCL_EFORMAT); /* that does not end */
    assert_non_null(strstr(vggcl_error(), "many.json: line 1, column"));
    assert_int_equal(read_many("{\"a\":1,", "\"a\":1", 1, "}"), VGGCL_EFORMAT);
    assert_non_null(strstr(vggcl_error(), "duplicate"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_that_are_none),  cmocka_unit_test(texts_that_are_no_utf8),
        cmocka_unit_test(agrees_with_jansson),    cmocka_unit_test(texts_are_cut_between_characters),
        cmocka_unit_test(a_part_that_is_missing), cmocka_unit_test(bounds_what_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
