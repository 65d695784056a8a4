// Writes TOKEN to the controlling terminal.
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "victim.h"

int main(int argc, char** argv) {
  begin("terminal_write");
  const char* token = text_argument(argc, argv, 1);
  int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC);
  if (terminal < 0) attack_stopped_by_errno("open");
  if (write(terminal, token, strlen(token)) < 0) attack_stopped_by_errno("write");
  attack_succeeded("wrote to the terminal of the starter");
}
