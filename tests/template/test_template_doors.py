"""The HTTP APIs: callers without a token, logged fields, and the outputs of a deployment."""

from typing import Any

from tests.support.transformed import nested, resources, root, text

APIS = resources(root(), "AWS::ApiGatewayV2::Api")
STAGES = resources(root(), "AWS::ApiGatewayV2::Stage")


def routes(api: str) -> dict[str, Any]:
    """Security of each route of an API."""
    found = {}
    for path, operations in APIS[api]["Body"]["paths"].items():
        for verb, operation in operations.items():
            method = "ANY" if verb == "x-amazon-apigateway-any-method" else verb.upper()
            found[f"{method} {path}"] = operation.get("security")
    return found


def test_only_health_webhooks_and_the_description_open_without_a_token() -> None:
    found = routes("HttpApi")
    assert found.pop("ANY /{proxy+}") == [{"Tokens": []}]
    assert found == {
        "GET /docs": [{"NONE": []}],
        "GET /health": [{"NONE": []}],
        "GET /openapi.json": [{"NONE": []}],
        "GET /problems/{code}": [{"NONE": []}],
        "ANY /webhooks/{proxy+}": [{"NONE": []}],
        "ANY /webhooks/{source}": [{"NONE": []}],
        "ANY /webhooks/{source}/{secret}": [{"NONE": []}],
        "POST /webhooks/{source}": [{"NONE": []}],
        "POST /webhooks/{source}/{secret}": [{"NONE": []}],
    }


def test_tokens_come_from_the_issuer_that_is_given_or_from_the_stacks_own_pool() -> None:
    schemes = APIS["HttpApi"]["Body"]["components"]["securitySchemes"]
    assert schemes.keys() == {"Tokens"}
    authorizer = schemes["Tokens"]["x-amazon-apigateway-authorizer"]
    own = {"Fn::If": ["OwnUserPool", {"Fn::GetAtt": ["Identity", "Outputs.Issuer"]}, {"Ref": "OidcIssuer"}]}
    audience = {"Fn::If": ["OwnUserPool", {"Fn::GetAtt": ["Identity", "Outputs.ClientId"]}, {"Ref": "OidcAudience"}]}
    assert authorizer["type"] == "jwt"
    assert authorizer["jwtConfiguration"] == {"issuer": own, "audience": [audience]}
    assert root()["Resources"]["Identity"]["Condition"] == "OwnUserPool"


def test_the_users_pool_is_for_invited_people_and_its_client_has_no_secret() -> None:
    pool = resources(nested("Identity"), "AWS::Cognito::UserPool")["UserPool"]
    client = resources(nested("Identity"), "AWS::Cognito::UserPoolClient")["UserPoolClient"]
    assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    assert pool["Policies"]["PasswordPolicy"]["MinimumLength"] >= 12
    assert client["GenerateSecret"] is False
    assert "ALLOW_USER_PASSWORD_AUTH" not in client["ExplicitAuthFlows"]
    groups = resources(nested("Identity"), "AWS::Cognito::UserPoolGroup").values()
    assert [it["GroupName"] for it in groups] == ["platform_admin"]


def test_the_access_log_never_holds_a_path_because_a_webhooks_path_can_hold_a_secret() -> None:
    formats = [it["AccessLogSettings"]["Format"] for it in STAGES.values() if "AccessLogSettings" in it]
    assert len(formats) == 1
    logged = {word.strip('"$,{}') for word in formats[0].replace(":", " ").replace(",", " ").split() if "$context" in word}
    assert logged == {
        "context.requestTime",
        "context.requestId",
        "context.routeKey",
        "context.status",
        "context.responseLatency",
        "context.integrationErrorMessage",
    }


def test_every_door_is_throttled() -> None:
    assert len(STAGES) == len(APIS) == 3
    for stage in STAGES.values():
        limits = stage["DefaultRouteSettings"]
        assert limits["ThrottlingBurstLimit"] >= limits["ThrottlingRateLimit"] > 0


def test_the_description_is_open_to_few_requests_at_once() -> None:
    """It is public, and the first request of an environment loads every route for it."""
    settings = STAGES["HttpApiApiGatewayDefaultStage"]["RouteSettings"]
    limits = [settings[route] for route in ("GET /docs", "GET /openapi.json", "GET /problems/{code}")]
    assert all(0 < limit["ThrottlingRateLimit"] <= limit["ThrottlingBurstLimit"] <= 10 for limit in limits)


def test_health_is_open_to_monitors_and_not_to_as_many_as_the_api_has_room_for() -> None:
    """Anybody asks it, and each answer takes one of the API's executions and costs a request."""
    stage = STAGES["HttpApiApiGatewayDefaultStage"]
    limit = stage["RouteSettings"]["GET /health"]
    assert (
        0
        < limit["ThrottlingRateLimit"]
        <= limit["ThrottlingBurstLimit"]
        <= stage["DefaultRouteSettings"]["ThrottlingRateLimit"] / 5
    )


def test_webhooks_have_limits_of_their_own_so_that_neither_they_nor_the_api_starve_the_other() -> None:
    """A route with settings has its own numbers; the API's one route has the stage's default."""
    settings = STAGES["HttpApiApiGatewayDefaultStage"]["RouteSettings"]
    webhooks = {route for route in routes("HttpApi") if "/webhooks/" in route}
    assert webhooks == {route for route in settings if "/webhooks/" in route}
    assert "ANY /{proxy+}" not in settings
    for route in sorted(webhooks):
        if route.startswith("POST "):
            limits = {"ThrottlingRateLimit": {"Ref": "WebhookRateLimit"}, "ThrottlingBurstLimit": {"Ref": "WebhookBurstLimit"}}
            assert settings[route] == limits
        else:
            assert settings[route]["ThrottlingBurstLimit"] <= 10, "nobody sends there"
    parameters = root()["Parameters"]
    assert 0 < parameters["WebhookRateLimit"]["Default"] <= parameters["WebhookBurstLimit"]["Default"]


def test_doors_are_called_after_the_stack() -> None:
    titles = {key: it["Name"] if "Name" in it else it["Body"]["info"]["title"] for key, it in APIS.items()}
    assert {key: text(title) for key, title in titles.items()} == {
        "HttpApi": "stack-api",
        "PaperHttpApi": "stack-paper",
        "LiveApi": "stack-live",
    }


def test_no_log_of_the_gateway_can_hold_a_ticket_of_a_live_connection() -> None:
    stage = STAGES["LiveStage"]
    assert "AccessLogSettings" not in stage
    assert stage["DefaultRouteSettings"]["DataTraceEnabled"] is False
    assert stage["DefaultRouteSettings"]["LoggingLevel"] == "OFF"


def test_what_a_listening_client_sends_reaches_no_code() -> None:
    found = {it["RouteKey"]: text(it["Target"]) for it in resources(root(), "AWS::ApiGatewayV2::Route").values()}
    assert found == {
        "$connect": "integrations/<LiveIntegration>",
        "$disconnect": "integrations/<LiveIntegration>",
        "$default": "integrations/<LiveSilence>",
    }
    kinds = {key: it["IntegrationType"] for key, it in resources(root(), "AWS::ApiGatewayV2::Integration").items()}
    assert kinds == {"LiveIntegration": "AWS_PROXY", "LiveSilence": "MOCK"}


def test_everything_of_the_paper_exchange_can_be_left_out() -> None:
    conditional = {key for key, it in root()["Resources"].items() if it.get("Condition") == "PaperExchangeDeployed"}
    of_paper = {key for key in root()["Resources"] if key.startswith("Paper")}
    assert conditional == of_paper
    assert {"PaperTable", "PaperHttpApi", "PaperExchangeFunction", "PaperExchangeFunctionAliaslive"} <= of_paper


def test_a_deployment_tells_everything_that_its_users_and_tools_ask_for() -> None:
    worked = ("Candle", "UploadedCandle", "Signal", "Trade", "Reconcile", "AwaitedLook", "Vetting", "Backtest", "Parity")
    queues = {f"{it}QueueUrl" for it in worked}
    given_up = ("Candle", "UploadedCandle", "Signal", "Trade", "Reconcile", "Vetting", "Backtest", "Parity", "Outbox", "Schedule")
    dead = {f"{it}DeadLettersUrl" for it in given_up}
    names = {f"{key}Name" for key in resources(root(), "AWS::Lambda::Function")}
    rest = (
        "Release ApiUrl LiveUrl PaperExchangeUrl TableName TableGeneration PaperTableName MarketsBucketName ArchiveBucketName"
        " CodeBucketName ResultsBucketName EventBusName KeyArn OperatorSecretId SecretPrefix"
        " UserPoolId UserPoolClientId TokenIssuer ScheduleGroupName AlarmTopicArn AlertTopicArn"
        " BusinessDashboard TechnicalDashboard"
    )
    assert root()["Outputs"].keys() == queues | dead | names | set(rest.split())
