from django.urls import path

from tenants import views_business, views_entry, views_keys, views_notices, views_support, views_team

urlpatterns = [
    path("enter/<str:token>", views_entry.enter, name="enter_with_ticket"),
    path("account/team/", views_team.show, name="account_team"),
    path("account/team/invite", views_team.invite, name="team_invite"),
    path("account/team/<int:pk>/role", views_team.role, name="team_role"),
    path("account/team/<int:pk>/remove", views_team.remove, name="team_remove"),
    path("account/team/restore", views_team.restore, name="team_restore"),
    path("account/invitations/<int:pk>/withdraw", views_team.withdraw, name="invitation_withdraw"),
    path("join/<str:token>/", views_team.join, name="team_join"),
    path("account/keys/", views_keys.keys, name="account_keys"),
    path("account/keys/<int:pk>/revoke", views_keys.revoke, name="key_revoke"),
    path("account/language", views_keys.language, name="account_language"),
    path("account/business/", views_business.account_business, name="account_business"),
    path("account/notifications/", views_notices.account_notifications, name="account_notifications"),
    path("notices/", views_notices.notices, name="notices"),
    path("notices/bell", views_notices.notices_bell, name="notices_bell"),
    path("notices/seen", views_notices.notices_seen, name="notices_seen"),
    path("notices/unseen", views_notices.notices_unseen, name="notices_unseen"),
    path("notices/devices", views_notices.push_device_add, name="push_device_add"),
    path("notices/devices/<int:pk>/forget", views_notices.push_device_forget, name="push_device_forget"),
    path("notices/try", views_notices.push_try, name="push_try"),
    path("notices/<int:pk>/", views_notices.notice, name="notice"),
    path("service-worker.js", views_notices.service_worker, name="service_worker"),
    path("manifest.webmanifest", views_notices.manifest, name="manifest"),
    path("account/team/support/<int:pk>/end", views_support.grant_end, name="support_grant_end"),
    path("announcements/<int:pk>/read", views_support.announcement_dismiss, name="announcement_dismiss"),
    path("impersonation/end", views_support.impersonation_end, name="impersonation_end"),
]
