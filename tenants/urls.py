from django.urls import path

from tenants import views_entry, views_keys, views_team

urlpatterns = [
    path("enter/<str:token>", views_entry.enter, name="enter_with_ticket"),
    path("account/team/", views_team.show, name="account_team"),
    path("account/team/invite", views_team.invite, name="team_invite"),
    path("account/team/<int:pk>/role", views_team.role, name="team_role"),
    path("account/team/<int:pk>/remove", views_team.remove, name="team_remove"),
    path("account/invitations/<int:pk>/withdraw", views_team.withdraw, name="invitation_withdraw"),
    path("join/<str:token>/", views_team.join, name="team_join"),
    path("account/keys/", views_keys.keys, name="account_keys"),
    path("account/keys/<int:pk>/revoke", views_keys.revoke, name="key_revoke"),
    path("account/language", views_keys.language, name="account_language"),
]
