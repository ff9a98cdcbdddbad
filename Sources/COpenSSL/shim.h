// Wrappers for what OpenSSL spells as macros or variadic functions; one macro each.
#pragma once
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

static inline int sluice_ssl_set_protocols(SSL_CTX *context, int lowest, int highest) {
    return SSL_CTX_set_min_proto_version(context, lowest) == 1 && SSL_CTX_set_max_proto_version(context, highest) == 1;
}
/// Partial writes and a buffer that moves are how a non-blocking writer works; idle sessions give their buffers back.
static inline void sluice_ssl_set_modes(SSL_CTX *context) {
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
}
/// A record's header and content are read with one system call instead of two. A macro.
static inline void sluice_ssl_read_ahead(SSL_CTX *context) { SSL_CTX_set_read_ahead(context, 1); }
/// 1 when they have the length that this OpenSSL takes. A macro.
static inline long sluice_ssl_set_ticket_keys(SSL_CTX *context, const void *keys, long length) {
    return SSL_CTX_set_tlsext_ticket_keys(context, (void *)keys, length);
}
/// Variadic in OpenSSL 3.
static inline EVP_PKEY *sluice_generate_p256(void) { return EVP_EC_gen("P-256"); }
static inline int sluice_ssl_set_server_name(SSL *ssl, const char *name) { return SSL_set_tlsext_host_name(ssl, name); }

// SHA-256 whose state is a plain value. OpenSSL 3 would rather have nobody use it, and says so with a warning; what it
// offers in its place keeps states on the heap, and 3.0 takes two pieces of it for each message.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
/// All three: 1 when done. Deprecated in OpenSSL 3.
static inline int sluice_sha256_begin(SHA256_CTX *state) { return SHA256_Init(state); }
static inline int sluice_sha256_update(SHA256_CTX *state, const void *bytes, size_t count) {
    return SHA256_Update(state, bytes, count);
}
/// Writes 32 bytes.
static inline int sluice_sha256_finish(SHA256_CTX *state, void *digest) {
    return SHA256_Final((unsigned char *)digest, state);
}
#pragma clang diagnostic pop
