/* static.rs in C, for where only a C compiler makes programs of that architecture. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int lines_with(const char *path, const char *text) {
    char line[4096];
    int count = 0;
    FILE *file = fopen(path, "r");
    if (!file) return -1;
    while (fgets(line, sizeof line, file)) count += strstr(line, text) != NULL;
    fclose(file);
    return count;
}

static void say(const char *what, int holds) {
    printf("%s %s\n", what, holds ? "true" : "false");
}

int main(void) {
    char cwd[4096];
    struct stat zone;
    const char *bundle = getenv("SSL_CERT_FILE");
    printf("uid %d\n", (int)getuid());
    printf("cwd %s\n", getcwd(cwd, sizeof cwd) ? cwd : "FAILED");
    say("zone", stat("/usr/share/zoneinfo/Europe/Rome", &zone) == 0);
    say("certificates", bundle && lines_with(bundle, "BEGIN CERTIFICATE") > 100);
    say("services", lines_with("/etc/services", "https") > 0);
    FILE *file = fopen("/tmp/x", "w");
    say("tmp", file && fputs("x", file) >= 0 && fclose(file) == 0);
    return 0;
}
