/* What an ordinary C program asks of glibc beyond linking: libgcc_s for pthread_cancel, NSS, a locale, gconv. */
#include <errno.h>
#include <iconv.h>
#include <langinfo.h>
#include <locale.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void *sleeper(void *unused) {
    (void)unused;
    for (;;) pause();
    return NULL;
}

static int fail(const char *what) {
    printf("FAILED %s: %s\n", what, strerror(errno));
    return 1;
}

int main(void) {
    pthread_t thread;
    void *result;
    if (pthread_create(&thread, NULL, sleeper, NULL)) return fail("pthread_create");
    pthread_cancel(thread);
    pthread_join(thread, &result);
    printf("pthread_cancel %s\n", result == PTHREAD_CANCELED ? "ok" : "FAILED");

    struct addrinfo *found = NULL;
    int code = getaddrinfo("localhost", "https", NULL, &found);
    printf("getaddrinfo %s\n", code == 0 && found ? "ok" : gai_strerror(code));

    const char *locale = setlocale(LC_ALL, "C.UTF-8");
    printf("setlocale %s %s\n", locale ? "ok" : "FAILED", nl_langinfo(CODESET));

    char in[] = "h\xc3\xa4", out[16];
    char *from = in, *to = out;
    size_t left = strlen(in), room = sizeof out;
    iconv_t conv = iconv_open("UTF-16LE", "UTF-8");
    if (conv == (iconv_t)-1) return fail("iconv_open");
    if (iconv(conv, &from, &left, &to, &room) == (size_t)-1) return fail("iconv");
    printf("iconv %s\n", memcmp(out, "h\0\xe4\0", 4) == 0 ? "ok" : "FAILED");
    conv = iconv_open("UTF-8", "ISO-8859-15");
    printf("iconv-latin9 %s\n", conv != (iconv_t)-1 ? "ok" : "FAILED");

    struct passwd *me = getpwuid(getuid());
    printf("user %s\n", me ? me->pw_name : "FAILED");

    setenv("TZ", "Europe/Rome", 1);
    tzset();
    printf("zone %s\n", tzname[0]);
    return 0;
}
