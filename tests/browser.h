/* browser.h - shows a page that the program wrote in Chromium, without a window. */
#ifndef VGGCL_TESTS_BROWSER_H
#define VGGCL_TESTS_BROWSER_H

/* Sets `output` to the elements that a browser makes of a page in the test's folder, after its scripts. */
void browser_show(const char *page);

/* Fails if the page overflows a window of 1280 or of 420 pixels: it cannot be scrolled sideways, and no element outside
 * a box of the class "wide", which scrolls, ends beyond it. */
void browser_fits(const char *page);

#endif
