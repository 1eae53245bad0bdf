/* control/notify.h — tells the service manager how we are: the datagrams of systemd's Type=notify
 * and Type=notify-reload. Without NOTIFY_SOCKET nobody is told. Any thread. */
#ifndef PINION_CONTROL_NOTIFY_H
#define PINION_CONTROL_NOTIFY_H

/* Lines of NAME=VALUE. What cannot be sent is dropped: the manager has deadlines of its own. */
void notify(const char *lines);
/* RELOADING=1, with the time that the manager compares with. */
void notify_reloading(void);

#endif
