"""OAuth 2 over our own rows: Authlib's server, grants and proof of possession, with what they ask for answered here.

Authlib reads a request, authenticates the client, checks a grant and builds the answer; which client, code or token it is,
and what is written, is decided by `queries` and `actions`, in one transaction a request. Plain values in, answers out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin, TokenMixin, grants
from authlib.oauth2.rfc6749.errors import (
    InvalidClientError,
    InvalidRequestError,
    InvalidScopeError,
    UnsupportedResponseTypeError,
)
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6749.util import extract_basic_authorization
from authlib.oauth2.rfc7636 import CodeChallenge

from webapp import clock, database, rest
from webapp.accounts import actions as accounts
from webapp.accounts import queries as people
from webapp.accounts.rules import check_attempts
from webapp.actor import Actor
from webapp.api_clients import actions, queries, rules
from webapp.api_clients.models import ApiClient, ApiCode, ApiToken

Values = Mapping[str, list[str]]
METHODS = ["client_secret_basic", "client_secret_post"]
#: Authlib asks for a secure address. Ours is one, or on loopback: the configuration refuses any other.
_HERE = "https://here/"


@dataclass(frozen=True)
class Answer:
    """What the token endpoint says."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """A valid request for consent. `address`: where the browser returns to."""

    client: ApiClient
    partner: str
    address: str
    scope: str
    challenge: str
    state: str


class Returned(Exception):
    """A request for consent that ends at once: the browser returns to `address` with the error."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address


# --- what Authlib is given -------------------------------------------------------------------------------------


class _Payload(BasicOAuth2Payload):
    def __init__(self, values: Values) -> None:
        super().__init__({name: found[0] for name, found in values.items()})
        self._datalist = dict(values)  # what stands twice, too: Authlib refuses it


class _Request(OAuth2Request):
    def __init__(self, method: str, values: Values, headers: Mapping[str, str]) -> None:
        super().__init__(method, _HERE, headers=headers)
        self.payload = self._sent = _Payload(values)

    @property
    def form(self) -> dict[str, str]:
        return self._sent.data


class _Client(ClientMixin):
    def __init__(self, at: queries.AtTenant) -> None:
        self.row, self.partner = at.row, at.organization

    def get_allowed_scope(self, scope: Collection[str] | str) -> str:
        return str(scope or "")

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.row.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return queries.is_secret_of(self.row, client_secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in METHODS

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in {"client_credentials", "authorization_code", "refresh_token"}


class _Code:
    """A consent as the grant reads it."""

    code_challenge_method = "S256"

    def __init__(self, row: ApiCode) -> None:
        self.row, self.code_challenge = row, row.challenge

    def get_redirect_uri(self) -> str:
        return self.row.redirect_uri

    def get_scope(self) -> str:
        return self.row.scope


class _Refresh(TokenMixin):
    """A refresh token as the grant reads it."""

    def __init__(self, row: ApiToken) -> None:
        self.row = row

    def check_client(self, client: Any) -> bool:
        return bool(self.row.client_id == client.row.id)

    def get_scope(self) -> str:
        return self.row.scope


# --- grants ----------------------------------------------------------------------------------------------------


def _said(row: ApiToken, access: str, refresh: str = "") -> dict[str, str | int]:
    lasts = int(rules.ACCESS_LASTS.total_seconds())
    found: dict[str, str | int] = {
        "token_type": "Bearer", "expires_in": lasts, "ext_expires_in": lasts, "access_token": access
    }  # fmt: skip
    return found | ({"refresh_token": refresh} if refresh else {}) | ({"scope": row.scope} if row.scope else {})


class _ClientCredentials(grants.ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    def generate_token(self, *_: Any, **_more: Any) -> dict[str, str | int]:
        database.write()
        scope = self.request.payload.scope if self.request.payload is not None else ""
        row, access, _none = actions.give_token(self.client.row, roles=self.client.row.roles, scope=scope or "")
        return _said(row, access)


class _AuthorizationCode(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    def query_authorization_code(self, code: str, client: Any) -> _Code | None:
        row = actions.take_code(client.row, code)
        return _Code(row) if row is not None else None

    def authenticate_user(self, authorization_code: _Code) -> UUID:
        return authorization_code.row.person_id

    def generate_token(self, *_: Any, **_more: Any) -> dict[str, str | int]:
        found: Any = self.request.authorization_code
        code: ApiCode = found.row
        return _said(
            *actions.give_token(
                self.client.row, person_id=code.person_id, roles=code.roles, scope=code.scope, family_id=code.family_id
            )
        )

    def delete_authorization_code(self, authorization_code: _Code) -> None:
        authorization_code.row.used_at = clock.now()  # it stays, so that a second use is known


class _ProofOfCode(CodeChallenge):
    """PKCE by S256, which every client needs here."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]

    def validate_code_challenge(self, grant: Any, redirect_uri: Any) -> None:
        data = grant.request.payload.data
        if data.get("code_challenge_method") != "S256" or not data.get("code_challenge"):
            raise InvalidRequestError("A code_challenge with the code_challenge_method S256 is needed.")
        super().validate_code_challenge(grant, redirect_uri)


class _RefreshToken(grants.RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = METHODS
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Any:
        row = actions.take_refresh(self.client.row, refresh_token)
        return _Refresh(row) if row is not None else None

    def _validate_token_scope(self, _token: Any) -> None:
        """What is asked for here is not more than was consented to: it is the same, whatever the text says."""

    def authenticate_user(self, refresh_token: _Refresh) -> UUID:
        return refresh_token.row.person_id

    def generate_token(self, *_: Any, **_more: Any) -> dict[str, str | int]:
        found: Any = self.request.refresh_token
        row: ApiToken = found.row
        return _said(
            *actions.give_token(
                self.client.row, person_id=row.person_id, roles=row.roles, scope=row.scope, family_id=row.family_id
            )
        )

    def revoke_old_credential(self, refresh_token: Any) -> None:
        refresh_token.row.refreshed_at = clock.now()


def _answered(_server: object, status: int, body: Any, headers: Any) -> Answer:
    return Answer(status, dict(body), dict(headers))


class _Server(AuthorizationServer):
    """One request's server: the tenant that its address names, and where it comes from."""

    def __init__(self, tenant: str, network_address: str = "") -> None:
        super().__init__()
        self._tenant, self._network_address = tenant, network_address
        self.register_grant(_ClientCredentials)
        self.register_grant(_AuthorizationCode, [_ProofOfCode(required=True)])
        self.register_grant(_RefreshToken)

    def query_client(self, client_id: str) -> Any:
        found = queries.client_at(self._tenant, client_id)
        return _Client(found) if found is not None else None

    def authenticate_client(
        self, request: OAuth2Request, methods: Collection[str], endpoint: str = "token"
    ) -> ClientMixin:
        """The client, by its secret. Failures count, for whom the request names; nothing tells whether there is such a
        client."""
        try:
            in_header = extract_basic_authorization(dict(request.headers or {}))[0] or ""
        except UnicodeDecodeError:
            raise _not_known() from None
        in_form = request.form.get("client_id") or ""
        if in_header and in_form and in_header != in_form:
            raise InvalidRequestError("The form and the header Authorization name different clients.")
        who = in_form or in_header
        check_attempts(*people.failures(*people.attempt_keys("api-client", who, self._network_address)))
        try:
            client: Any = super().authenticate_client(request, methods, endpoint)
        except InvalidClientError:
            accounts.count_attempt("api-client", who, self._network_address)
            raise _not_known() from None
        rest.count(client.row.organization_id)
        request.client = client
        found: ClientMixin = client
        return found

    def save_token(self, token: Any, request: OAuth2Request) -> None:
        """It is written where it is made."""

    def send_signal(self, name: Any, *args: object, **kwargs: object) -> None:
        """Nobody listens."""

    def create_oauth2_request(self, request: Any) -> OAuth2Request:
        found: OAuth2Request = request
        return found

    def validate_requested_scope(self, scope: str) -> None:
        if not rules.is_scope(scope or ""):
            raise InvalidScopeError()

    handle_response: Any = _answered


def _not_known() -> InvalidClientError:
    return InvalidClientError(description="The client or its secret is not right.", status_code=401)


# --- the two endpoints -----------------------------------------------------------------------------------------


def answer_token_request(tenant: str, form: Values, headers: Mapping[str, str], *, network_address: str) -> Answer:
    """What a request for a token is answered, in a transaction of its own: what a token that is used twice ends stays
    ended although the answer is an error. Raises TooManyAttempts, ApiError 429."""
    once = {name for name, values in form.items() if len(values) > 1}
    if once or not form.get("grant_type"):
        wrong = "A parameter stands twice." if once else "The parameter grant_type is missing."
        return Answer(400, {"error": "invalid_request", "error_description": wrong})
    if not all(each.isascii() and each.isprintable() for each in form["grant_type"]):
        return Answer(400, {"error": "unsupported_grant_type"})
    with database.unit_of_work():
        server: Any = _Server(tenant, network_address)
        answer: Answer = server.create_token_response(_Request("POST", form, headers))
    return answer


def read_request(tenant: str, arguments: Values) -> Asked:
    """A request for consent, checked. Raises ProgramUnknown, where nobody may be sent back, and Returned, with the error, for
    everything else."""
    names, addresses = (arguments.get(name, []) for name in ("client_id", "redirect_uri"))
    found = queries.client_at(tenant, names[0]) if len(names) == 1 else None
    if found is None:
        raise rules.ProgramUnknown(what="client")
    if len(addresses) != 1 or addresses[0] not in found.row.redirect_uris:
        raise rules.ProgramUnknown(what="redirect")
    state = arguments.get("state", [""])[0]
    try:
        _check_ways(arguments)
        server: Any = _Server(tenant)
        grant = server.get_consent_grant(_Request("GET", arguments, {}))
    except OAuth2Error as error:
        raise Returned(_back(addresses[0], state, error=error.error or "", why=error.description or "")) from None
    return Asked(
        found.row, found.organization.name, addresses[0], str(grant.request.scope or ""),
        arguments["code_challenge"][0], state,
    )  # fmt: skip


def _check_ways(arguments: Values) -> None:
    """What Authlib does not look at, or cannot say without repeating what was sent."""
    if arguments.get("response_type", []) != ["code"]:
        raise UnsupportedResponseTypeError("code")
    if arguments.get("response_mode", ["query"]) != ["query"]:
        raise InvalidRequestError("The response_mode must be query.")
    if "none" in arguments.get("prompt", []):
        raise OAuth2Error("A person has to agree on the page.", error="interaction_required")


def agreed(asked: Asked, *, by: Actor, roles: Collection[str]) -> str:
    """The address to return to once a person agreed. Raises ProgramRevoked."""
    code = actions.consent(
        asked.client, by=by, roles=list(roles), redirect_uri=asked.address, challenge=asked.challenge, scope=asked.scope
    )
    return add_params_to_uri(asked.address, _with_state([("code", code)], asked.state))


def refused(asked: Asked) -> str:
    """The address to return to once a person did not agree."""
    return _back(asked.address, asked.state, error="access_denied", why="The person did not agree.")


def _back(address: str, state: str, *, error: str, why: str) -> str:
    found = [("error", error)] + ([("error_description", why)] if why else [])
    return add_params_to_uri(address, _with_state(found, state))


def _with_state(found: list[tuple[str, str]], state: str) -> list[tuple[str, str]]:
    return [*found, ("state", state)] if state else found
