// Visits: connections, requests over them, and what came of each.
#include "client.h"
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct connection *connections;
int set;
long begun, active, unused_count, totals[128], handshakes, resumed;
struct sample *samples;
size_t sample_count;
static size_t sample_room;
static SSL_CTX *context;
// What each visitor, or place, was given for the next handshake.
static SSL_SESSION **sessions;
// Connections that nobody uses, the longest unused first.
static long *unused, first_unused;

// MARK: The end of a request

void record(struct connection *c, char outcome, int status) {
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

void give_up(struct connection *c, char outcome) {
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
void advance(struct connection *c, uint32_t events) {
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

// MARK: Beginning

static int keep_session(SSL *ssl, SSL_SESSION *session) {
    struct connection *c = SSL_get_app_data(ssl);
    long index = plan.visitors > 0 ? c->visitor : c - connections;
    if (sessions[index] != NULL) SSL_SESSION_free(sessions[index]);
    sessions[index] = session;
    return 1;
}

void set_up_connections(void) {
    connections = or_fail(calloc((size_t)plan.connections, sizeof *connections));
    unused = or_fail(calloc((size_t)plan.connections, sizeof *unused));
    for (long index = 0; index < plan.connections; index++) unused[index] = index;
    unused_count = plan.connections;
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

void begin_visit(double scheduled) {
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
