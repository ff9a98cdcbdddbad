// The client of those rows of LoadTests/bench for which there is none in a package: it asks at times that were fixed
// beforehand, however slowly answers come (an open loop), and tells every answer's time from then; or it plays visitors
// with cookies of their own, each visit over a connection of its own.
//
// cc -O2 -o client client.c -lssl -lcrypto -lm
// ./client address=127.0.0.1:PORT path=/ [NAME=VALUE ...]
//   tls=1            over TLS 1.3; the certificate is not checked
//   resume=1         shows at a handshake what the last one of that visitor, or place, was given
//   field="A: b"     one more line in each head; may stand there several times
//   connections=16   how many are open at once, at most
//   requests=1       how many go over one connection, the first when it was scheduled, the others one after the other;
//                    0: connections are kept
//   rate=0           visits a second, at random times (exponential gaps); 0: one as soon as another is over
//   seconds=0        how long visits begin; 0: until `count` have begun
//   count=0          how many visits
//   visitors=0       visit N is that of visitor N modulo this, with that visitor's cookies
//   jar=FILE         where the cookies come from and go to, a visitor a line
//   state=WORD       what Sluice-State must say; any answer but 2xx is wrong besides
//   patience=10      seconds after which a visitor gives up, counted from when the visit was scheduled
//   samples=FILE     a line for each request: when it was scheduled, when it was over (both in seconds from the start),
//                    the status, and g (good), w (wrong), b (broken off) or l (late: given up)
// Prints one object of JSON.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_BYTES = 8192, FIELDS_BYTES = 4096, COOKIES = 4, EVENTS = 256 };

static struct {
    struct sockaddr_in address;
    char host[64];
    const char *path, *jar, *state, *samples;
    char fields[FIELDS_BYTES];
    bool is_secure, resumes;
    long connections, requests, count, visitors;
    double rate, seconds, patience;
} plan = {.path = "/", .connections = 16, .requests = 1, .patience = 10};

enum phase { CLOSED, CONNECTING, SHAKING, SENDING, READING, RESTING };

struct connection {
    int fd;
    uint32_t generation;
    enum phase phase;
    SSL *ssl;
    long visitor, requests_left;
    double scheduled;
    char *request;
    size_t request_bytes, sent;
    // Of the answer.
    char head[HEAD_BYTES];
    size_t head_bytes;
    bool has_head, is_chunked, ends, is_right;
    long body_left;
    char tail[5];
    int status;
};

struct sample {
    double scheduled, over;
    int status;
    char outcome;
};

static struct connection *connections;
static SSL_CTX *context;
static SSL_SESSION **sessions;
static char *(*jar)[COOKIES];
static int set;
static double started;
// Connections that nobody uses, the longest unused first.
static long *unused, first_unused, unused_count;
// When visits were scheduled that have no connection yet.
static double *waiting;
static size_t first_waiting, waiting_count, waiting_room;
static struct sample *samples;
static size_t sample_count, sample_room;
static long begun, active, totals[128], handshakes, resumed;
static double worst_lag;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9 - started;
}

static void fail(const char *what) {
    fprintf(stderr, "client: %s\n", what);
    exit(2);
}

static void *or_fail(void *memory) {
    if (memory == NULL) fail("there is not enough memory");
    return memory;
}

// MARK: Cookies

static void keep_cookie(long visitor, const char *pair, size_t bytes, bool is_cleared) {
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

static void read_jar(void) {
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

static size_t write_cookies(long visitor, char *text, size_t room) {
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

static void write_jar(void) {
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

// MARK: The end of a request

static void record(struct connection *c, char outcome, int status) {
    totals[(int)outcome]++;
    if (plan.samples == NULL) return;
    if (sample_count == sample_room) {
        sample_room = sample_room == 0 ? 65536 : 2 * sample_room;
        samples = or_fail(realloc(samples, sample_room * sizeof *samples));
    }
    samples[sample_count++] = (struct sample){c->scheduled, now(), status, outcome};
}

static void drop(struct connection *c) {
    if (c->phase == CLOSED) return;
    if (c->ssl != NULL) {
        // What was given for the next time is good even though nobody says good-bye.
        SSL_set_shutdown(c->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        SSL_free(c->ssl);
    }
    c->ssl = NULL;
    close(c->fd);
    c->generation++;
    c->phase = CLOSED;
}

static void give_back(struct connection *c) {
    active--;
    unused[(first_unused + unused_count) % plan.connections] = c - connections;
    unused_count++;
}

static void give_up(struct connection *c, char outcome) {
    record(c, outcome, 0);
    drop(c);
    give_back(c);
    if (totals['b'] > 100000) fail("100,000 connections were broken off");
}

// MARK: One request

static void prepare(struct connection *c) {
    bool is_last = plan.requests > 0 && c->requests_left == 1;
    char cookies[HEAD_BYTES] = "";
    if (plan.visitors > 0) write_cookies(c->visitor, cookies, sizeof cookies);
    free(c->request);
    const char *name = *cookies == 0 ? "" : "Cookie: ", *end = *cookies == 0 ? "" : "\r\n";
    const char *close = is_last ? "Connection: close\r\n" : "";
    int bytes = asprintf(&c->request, "GET %s HTTP/1.1\r\nHost: %s\r\n%s%s%s%s%s\r\n", plan.path, plan.host,
                         plan.fields, name, cookies, end, close);
    if (bytes < 0) fail("there is not enough memory");
    c->request_bytes = (size_t)bytes;
    c->sent = 0;
    c->head_bytes = 0;
    c->has_head = c->is_chunked = c->ends = false;
}

static void connect_anew(struct connection *c) {
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd == -1) fail("there are not enough descriptors");
    int one = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->phase = CONNECTING;
    if (connect(c->fd, (struct sockaddr *)&plan.address, sizeof plan.address) == -1 && errno != EINPROGRESS) {
        return give_up(c, 'b');
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP};
    event.data.u64 = (uint64_t)c->generation << 32 | (uint64_t)(c - connections);
    if (epoll_ctl(set, EPOLL_CTL_ADD, c->fd, &event) == -1) fail("epoll takes no more");
}

// A line of the answer's head.
static void read_line(struct connection *c, const char *line, size_t bytes) {
    const char *colon = memchr(line, ':', bytes);
    if (colon == NULL) return;
    size_t name = (size_t)(colon - line);
    const char *value = colon + 1;
    while (value < line + bytes && *value == ' ') value++;
    size_t length = (size_t)(line + bytes - value);
    if (name == 14 && strncasecmp(line, "content-length", 14) == 0) c->body_left = atol(value);
    if (name == 17 && strncasecmp(line, "transfer-encoding", 17) == 0) c->is_chunked = true;
    if (name == 10 && strncasecmp(line, "connection", 10) == 0) c->ends = strncasecmp(value, "close", 5) == 0;
    if (name == 12 && strncasecmp(line, "sluice-state", 12) == 0 && plan.state != NULL) {
        c->is_right = length == strlen(plan.state) && strncmp(value, plan.state, length) == 0;
    }
    if (name == 10 && strncasecmp(line, "set-cookie", 10) == 0 && plan.visitors > 0) {
        const char *end = memchr(value, ';', length);
        size_t pair = end == NULL ? length : (size_t)(end - value);
        keep_cookie(c->visitor, value, pair, memmem(value, length, "Max-Age=0", 9) != NULL);
    }
}

// False when the head is none.
static bool read_head(struct connection *c, size_t bytes) {
    c->body_left = -1;
    c->is_right = plan.state == NULL;
    if (bytes < 12 || strncmp(c->head, "HTTP/1.1 ", 9) != 0) return false;
    c->status = atoi(c->head + 9);
    for (const char *line = c->head; line < c->head + bytes;) {
        const char *end = memmem(line, (size_t)(c->head + bytes - line), "\r\n", 2);
        if (end == NULL) break;
        read_line(c, line, (size_t)(end - line));
        line = end + 2;
    }
    if (c->status / 100 != 2) c->is_right = false;
    c->has_head = true;
    memset(c->tail, 0, sizeof c->tail);
    return true;
}

// Takes a part of the body. True when that was the end of it.
static bool read_body(struct connection *c, const char *bytes, size_t count) {
    if (!c->is_chunked) {
        if (c->body_left < 0) return false;
        c->body_left -= (long)count < c->body_left ? (long)count : c->body_left;
        return c->body_left == 0;
    }
    // Bodies of the bench have no such bytes of their own.
    size_t last = count < sizeof c->tail ? count : sizeof c->tail;
    memmove(c->tail, c->tail + last, sizeof c->tail - last);
    memcpy(c->tail + sizeof c->tail - last, bytes + count - last, last);
    return memcmp(c->tail, "0\r\n\r\n", 5) == 0;
}

// 1: the answer is there; 0: more has to come; -1: it is none.
static int take(struct connection *c, const char *bytes, size_t count) {
    if (c->has_head) return read_body(c, bytes, count);
    size_t before = c->head_bytes, room = HEAD_BYTES - before;
    size_t step = count < room ? count : room;
    memcpy(c->head + before, bytes, step);
    c->head_bytes += step;
    size_t from = before < 3 ? 0 : before - 3;
    char *end = memmem(c->head + from, c->head_bytes - from, "\r\n\r\n", 4);
    if (end == NULL) return c->head_bytes == HEAD_BYTES ? -1 : 0;
    size_t head = (size_t)(end - c->head) + 4;
    if (!read_head(c, head)) return -1;
    return read_body(c, bytes + (head - before), count - (head - before));
}

// The answer is there. False when the connection has nothing to do any more.
static bool finish(struct connection *c) {
    record(c, c->is_right ? 'g' : 'w', c->status);
    if (plan.requests > 0 && --c->requests_left > 0) {
        c->scheduled = now();
        prepare(c);
        c->phase = SENDING;
        if (!c->ends) return true;
        drop(c);
        connect_anew(c);
        return false;
    }
    if (plan.requests > 0 || c->ends) drop(c); else c->phase = RESTING;
    give_back(c);
    return false;
}

// MARK: The connection

// As recv and send: -1 with errno EAGAIN when there is nothing to be had now.
static ssize_t move(struct connection *c, char *bytes, size_t count, bool out) {
    ERR_clear_error();
    if (c->ssl == NULL) return out ? send(c->fd, bytes, count, 0) : recv(c->fd, bytes, count, 0);
    int moved = out ? SSL_write(c->ssl, bytes, (int)count) : SSL_read(c->ssl, bytes, (int)count);
    if (moved > 0) return moved;
    int code = SSL_get_error(c->ssl, moved);
    if (code == SSL_ERROR_ZERO_RETURN) return 0;
    errno = code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
    return -1;
}

static bool shake(struct connection *c) {
    ERR_clear_error();
    int done = SSL_connect(c->ssl);
    if (done == 1) {
        handshakes++;
        resumed += SSL_session_reused(c->ssl);
        c->phase = SENDING;
        return true;
    }
    int code = SSL_get_error(c->ssl, done);
    if (code != SSL_ERROR_WANT_READ && code != SSL_ERROR_WANT_WRITE) give_up(c, 'b');
    return false;
}

static bool established(struct connection *c, uint32_t events) {
    int code = 0;
    socklen_t bytes = sizeof code;
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return false;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &code, &bytes);
    if (code != 0) {
        give_up(c, 'b');
        return false;
    }
    c->phase = SENDING;
    if (!plan.is_secure) return true;
    c->ssl = or_fail(SSL_new(context));
    SSL_set_fd(c->ssl, c->fd);
    SSL_set_app_data(c->ssl, c);
    SSL_SESSION *session = plan.resumes ? sessions[plan.visitors > 0 ? c->visitor : c - connections] : NULL;
    if (session != NULL) SSL_set_session(c->ssl, session);
    c->phase = SHAKING;
    return true;
}

// Does all that can be done now.
static void advance(struct connection *c, uint32_t events) {
    static char bytes[65536];
    while (true) {
        switch (c->phase) {
        case CLOSED: return;
        case CONNECTING: if (!established(c, events)) return; break;
        case SHAKING: if (!shake(c)) return; break;
        case SENDING: {
            ssize_t sent = move(c, c->request + c->sent, c->request_bytes - c->sent, true);
            if (sent < 0 && errno == EAGAIN) return;
            if (sent <= 0) return give_up(c, 'b');
            c->sent += (size_t)sent;
            if (c->sent == c->request_bytes) c->phase = READING;
            break;
        }
        case READING: {
            ssize_t count = move(c, bytes, sizeof bytes, false);
            if (count < 0 && errno == EAGAIN) return;
            if (count < 0) return give_up(c, 'b');
            // Without a length the end of the stream is that of the body.
            bool is_whole = count == 0 && c->has_head && c->body_left == -1 && !c->is_chunked;
            if (count == 0 && !is_whole) return give_up(c, 'b');
            int told = is_whole ? 1 : take(c, bytes, (size_t)count);
            if (told < 0) return give_up(c, 'b');
            if (told == 1 && !finish(c)) return;
            break;
        }
        case RESTING: {
            // A ticket that came late, or the end.
            ssize_t count = move(c, bytes, sizeof bytes, false);
            if (count < 0 && errno == EAGAIN) return;
            if (count <= 0) return drop(c);
            break;
        }
        }
    }
}

static int keep_session(SSL *ssl, SSL_SESSION *session) {
    struct connection *c = SSL_get_app_data(ssl);
    long index = plan.visitors > 0 ? c->visitor : c - connections;
    if (sessions[index] != NULL) SSL_SESSION_free(sessions[index]);
    sessions[index] = session;
    return 1;
}

static void begin(double scheduled) {
    struct connection *c = &connections[unused[first_unused]];
    first_unused = (first_unused + 1) % plan.connections;
    unused_count--;
    active++;
    c->visitor = plan.visitors > 0 ? begun % plan.visitors : 0;
    c->scheduled = scheduled;
    c->requests_left = plan.requests;
    prepare(c);
    if (c->phase == RESTING) {
        c->phase = SENDING;
        advance(c, 0);
    } else {
        connect_anew(c);
    }
    begun++;
}

// MARK: The plan

static void schedule(double time) {
    if (waiting_count == waiting_room) {
        size_t room = waiting_room == 0 ? 4096 : 2 * waiting_room;
        double *more = or_fail(malloc(room * sizeof *more));
        for (size_t index = 0; index < waiting_count; index++) {
            more[index] = waiting[(first_waiting + index) % waiting_room];
        }
        free(waiting);
        waiting = more;
        waiting_room = room;
        first_waiting = 0;
    }
    waiting[(first_waiting + waiting_count++) % waiting_room] = time;
}

static double next_waiting(void) {
    double time = waiting[first_waiting];
    first_waiting = (first_waiting + 1) % waiting_room;
    waiting_count--;
    return time;
}

// Who has waited for too long goes.
static void review(double time) {
    for (long index = 0; index < plan.connections; index++) {
        struct connection *c = &connections[index];
        if (c->phase != CLOSED && c->phase != RESTING && time - c->scheduled > plan.patience) give_up(c, 'l');
    }
    while (waiting_count > 0 && time - waiting[first_waiting] > plan.patience) {
        struct connection nobody = {.scheduled = next_waiting()};
        record(&nobody, 'l', 0);
    }
}

static void sleep_until(double time) {
    double rest = time - now();
    if (rest < 0) rest = 0;
    struct timespec left = {(time_t)rest, (long)((rest - floor(rest)) * 1e9)};
    struct pollfd events = {.fd = set, .events = POLLIN};
    ppoll(&events, 1, &left, NULL);
}

static void play(void) {
    double next = 0, next_review = 0;
    struct epoll_event events[EVENTS];
    while (true) {
        double time = now();
        bool mayBegin = (plan.count == 0 || begun + (long)waiting_count < plan.count)
            && (plan.seconds == 0 || (plan.rate > 0 ? next : time) < plan.seconds);
        while (mayBegin && plan.rate > 0 && next <= time) {
            if (time - next > worst_lag) worst_lag = time - next;
            schedule(next);
            next -= log(1 - drand48()) / plan.rate;
            mayBegin = (plan.count == 0 || begun + (long)waiting_count < plan.count)
                && (plan.seconds == 0 || next < plan.seconds);
        }
        while (unused_count > 0 && waiting_count > 0) begin(next_waiting());
        if (plan.rate == 0) {
            // A connection that is refused at once comes back at once.
            for (long turn = 0; turn < plan.connections && unused_count > 0; turn++) {
                if (!mayBegin || (plan.count > 0 && begun >= plan.count)) break;
                begin(time);
            }
        }
        if (!mayBegin && active == 0 && waiting_count == 0) return;
        if (time >= next_review) {
            review(time);
            next_review = time + 0.05;
        }
        sleep_until(mayBegin && plan.rate > 0 && next < next_review ? next : next_review);
        int count = epoll_wait(set, events, EVENTS, 0);
        for (int index = 0; index < count; index++) {
            struct connection *c = &connections[events[index].data.u64 & 0xFFFFFFFF];
            if (c->generation == events[index].data.u64 >> 32) advance(c, events[index].events);
        }
    }
}

static void read_plan(int count, char **words) {
    for (int index = 1; index < count; index++) {
        char *value = strchr(words[index], '=');
        if (value == NULL) fail("say NAME=VALUE");
        *value++ = 0;
        const char *name = words[index];
        if (strcmp(name, "address") == 0) {
            char *colon = strrchr(value, ':');
            if (colon == NULL) fail("say address=IPv4:PORT");
            snprintf(plan.host, sizeof plan.host, "%s", value);
            *colon = 0;
            plan.address.sin_family = AF_INET;
            plan.address.sin_port = htons((uint16_t)atoi(colon + 1));
            if (inet_pton(AF_INET, value, &plan.address.sin_addr) != 1) fail("say address=IPv4:PORT");
        } else if (strcmp(name, "field") == 0) {
            size_t used = strlen(plan.fields);
            snprintf(plan.fields + used, FIELDS_BYTES - used, "%s\r\n", value);
        } else if (strcmp(name, "path") == 0) plan.path = value;
        else if (strcmp(name, "jar") == 0) plan.jar = value;
        else if (strcmp(name, "state") == 0) plan.state = value;
        else if (strcmp(name, "samples") == 0) plan.samples = value;
        else if (strcmp(name, "tls") == 0) plan.is_secure = atoi(value) != 0;
        else if (strcmp(name, "resume") == 0) plan.resumes = atoi(value) != 0;
        else if (strcmp(name, "connections") == 0) plan.connections = atol(value);
        else if (strcmp(name, "requests") == 0) plan.requests = atol(value);
        else if (strcmp(name, "count") == 0) plan.count = atol(value);
        else if (strcmp(name, "visitors") == 0) plan.visitors = atol(value);
        else if (strcmp(name, "rate") == 0) plan.rate = atof(value);
        else if (strcmp(name, "seconds") == 0) plan.seconds = atof(value);
        else if (strcmp(name, "patience") == 0) plan.patience = atof(value);
        else fail("there is a word that is not known");
    }
    if (plan.address.sin_family == 0) fail("say address=IPv4:PORT");
    if (plan.connections < 1) fail("connections are at least 1");
    if (plan.count == 0 && plan.seconds == 0) fail("say count or seconds");
}

static void set_up(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    signal(SIGPIPE, SIG_IGN);
    // Without it the kernel wakes whoever sleeps up to 50 us late, to save power.
    prctl(PR_SET_TIMERSLACK, 1);
    srand48(1);
    connections = or_fail(calloc((size_t)plan.connections, sizeof *connections));
    unused = or_fail(calloc((size_t)plan.connections, sizeof *unused));
    for (long index = 0; index < plan.connections; index++) unused[index] = index;
    unused_count = plan.connections;
    if (plan.visitors > 0) read_jar();
    set = epoll_create1(EPOLL_CLOEXEC);
    if (set == -1) fail("there is no epoll");
    if (!plan.is_secure) return;
    long places = plan.visitors > plan.connections ? plan.visitors : plan.connections;
    sessions = or_fail(calloc((size_t)places, sizeof *sessions));
    context = or_fail(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (!plan.resumes) return;
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(context, keep_session);
}

static void write_samples(void) {
    if (plan.samples == NULL) return;
    FILE *file = fopen(plan.samples, "w");
    if (file == NULL) fail("the file for samples cannot be written");
    for (size_t index = 0; index < sample_count; index++) {
        struct sample *one = &samples[index];
        fprintf(file, "%.6f %.6f %d %c\n", one->scheduled, one->over, one->status, one->outcome);
    }
    fclose(file);
}

int main(int count, char **words) {
    read_plan(count, words);
    set_up();
    started = now();
    double at = started;
    play();
    double seconds = now();
    write_samples();
    write_jar();
    printf("{\"started\": %.6f, \"seconds\": %.6f, \"visits\": %ld, \"good\": %ld, \"wrong\": %ld, \"broken\": %ld, "
           "\"late\": %ld, \"handshakes\": %ld, \"resumed\": %ld, \"worst_lag\": %.6f}\n",
           at, seconds, begun, totals['g'], totals['w'], totals['b'], totals['l'], handshakes, resumed, worst_lag);
    return 0;
}
