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
/// Neither tickets nor sessions kept here: every handshake is a full one. Macros.
static inline void sluice_ssl_refuse_tickets(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}
/// HMAC-SHA256 over a session ticket. 1 when done. The parameters end with a marker that Swift cannot write as a literal.
static inline int sluice_ssl_begin_ticket_mac(EVP_MAC_CTX *mac, const void *key, size_t length) {
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string("digest", (char *)"SHA256", 0),
                               OSSL_PARAM_construct_end()};
    return EVP_MAC_init(mac, (const unsigned char *)key, length, parameters);
}
/// Macros.
static inline int sluice_gcm_take_tag(EVP_CIPHER_CTX *cipher, void *tag) {
    return EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, 16, tag);
}
static inline int sluice_gcm_expect_tag(EVP_CIPHER_CTX *cipher, const void *tag) {
    return EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, 16, (void *)tag);
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
