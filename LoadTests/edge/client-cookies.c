// Visitors' cookies: what they were given, and the file in which they are kept from one run to the next.
#include "client.h"

static char *(*jar)[COOKIES];

void keep_cookie(long visitor, const char *pair, size_t bytes, bool is_cleared) {
    const char *equals = memchr(pair, '=', bytes);
    if (equals == NULL) return;
    size_t name = (size_t)(equals - pair) + 1;
    int place = -1;
    for (int index = COOKIES - 1; index >= 0; index--) {
        char *known = jar[visitor][index];
        if (known == NULL ? place == -1 || jar[visitor][place] == NULL : strncmp(known, pair, name) == 0) place = index;
    }
    if (place == -1) fail("a visitor is given more cookies than are kept");
    free(jar[visitor][place]);
    jar[visitor][place] = is_cleared ? NULL : or_fail(strndup(pair, bytes));
}

void read_jar(void) {
    jar = or_fail(calloc((size_t)plan.visitors, sizeof *jar));
    FILE *file = plan.jar == NULL ? NULL : fopen(plan.jar, "r");
    if (file == NULL) return;
    char *line = NULL;
    size_t room = 0;
    for (long visitor = 0; visitor < plan.visitors && getline(&line, &room, file) != -1; visitor++) {
        char *rest = line;
        for (char *pair; (pair = strsep(&rest, ";\n")) != NULL;) {
            pair += strspn(pair, " ");
            if (*pair != 0) keep_cookie(visitor, pair, strlen(pair), false);
        }
    }
    free(line);
    fclose(file);
}

size_t write_cookies(long visitor, char *text, size_t room) {
    size_t used = 0;
    text[0] = 0;
    for (int index = 0; index < COOKIES; index++) {
        const char *pair = jar[visitor][index];
        if (pair == NULL) continue;
        int more = snprintf(text + used, room - used, "%s%s", used == 0 ? "" : "; ", pair);
        if (more < 0 || (size_t)more >= room - used) fail("a visitor's cookies are too long");
        used += (size_t)more;
    }
    return used;
}

void write_jar(void) {
    if (plan.jar == NULL || plan.visitors == 0) return;
    FILE *file = fopen(plan.jar, "w");
    if (file == NULL) fail("the file for cookies cannot be written");
    char text[HEAD_BYTES];
    for (long visitor = 0; visitor < plan.visitors; visitor++) {
        write_cookies(visitor, text, sizeof text);
        fprintf(file, "%s\n", text);
    }
    fclose(file);
}
