/* notify.h - telling the service manager (systemd) how a server is, by sd_notify's protocol. */
#ifndef HEARTH_CMD_NOTIFY_H
#define HEARTH_CMD_NOTIFY_H

/* "READY=1", "RELOADING=1", "STOPPING=1"; without a NOTIFY_SOCKET, or when nobody listens there, nothing happens. */
void notify_manager(const char *state);

#endif
