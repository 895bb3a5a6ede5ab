/* Connects to 127.0.0.1:PORT, verifies the server's certificate with the image's own bundle, and says so. */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>

int main(int argc, char **argv) {
    char host[64];
    if (argc != 2) return 2;
    snprintf(host, sizeof host, "127.0.0.1:%s", argv[1]);
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_default_verify_paths(ctx);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    BIO *bio = BIO_new_ssl_connect(ctx);
    BIO_set_conn_hostname(bio, host);
    SSL *ssl;
    BIO_get_ssl(bio, &ssl);
    SSL_set1_host(ssl, "localhost");
    if (BIO_do_handshake(bio) <= 0) {
        ERR_print_errors_fp(stdout);
        return 1;
    }
    printf("verified %s\n", SSL_get_verify_result(ssl) == X509_V_OK ? "ok" : "FAILED");
    return 0;
}
