{% load static %}"use strict";
/* Shows notifications while no page is open. It stands below /notices/ only and sees no request of any page. */
const ICON = "{% static 'logo.svg' %}";

self.addEventListener("push", (event) => {
  event.waitUntil(shown(event.data));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const url = new URL(event.notification.data.url, self.location.origin);
  if (url.origin === self.location.origin) event.waitUntil(self.clients.openWindow(url.href));
});

async function shown(data) {
  const told = data.json();
  if (told.count !== undefined) self.navigator.setAppBadge?.(told.count).catch(() => {});
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  if (!told.always && pages.some((page) => page.focused)) return; // who looks at the product sees it there
  await self.registration.showNotification(told.title, {
    body: told.body,
    tag: told.tag,
    icon: ICON,
    badge: ICON,
    data: { url: told.url },
  });
}
