"""The forms of keys and tokens that tell their issuer by themselves, as data: one line each.

Facts, from the issuers' documentation and, for the less usual ones, from gitleaks' default configuration (MIT, v8, read 2026-11). Only the form stands
here; whether a candidate is a placeholder, and whether its checksum fits, `secrets.py` decides. Each pattern is read alike by Python's engine
and by Rust's.
"""

from __future__ import annotations

from typing import NamedTuple


class Form(NamedTuple):
    """The form of one kind of key.

    Attributes:
        rule: the id.
        pattern: what it looks like.
        what: in words.
        entropy: the least entropy of its text, in bits for each character: below it, it is a placeholder.
        checksum: the name of the check that real ones pass; empty where there is none.
        mark: a part that each of these keys holds, where that is quicker to look for than the pattern; empty: the pattern itself.

    """

    rule: str
    pattern: str
    what: str
    entropy: float = 3.0
    checksum: str = ""
    mark: str = ""


FORMS: tuple[Form, ...] = (
    Form("adobe-client-secret", r"p8e-[A-Za-z0-9]{32}", "a client secret of Adobe's"),
    Form("age-key", r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}", "a private key of age"),
    Form("alibaba-key", r"LTAI[A-Za-z0-9]{20}", "an access key of Alibaba Cloud"),
    Form("anthropic-key", r"sk-ant-(?:api|admin|oat)[0-9]{2}-[\w-]{80,120}", "a key of Anthropic's"),
    Form("artifactory-key", r"AKCp[A-Za-z0-9]{69}|cmVmd[A-Za-z0-9]{59}", "a key of Artifactory", 4.0),
    Form("atlassian-token", r"ATATT3[\w=-]{186}", "a token of Atlassian's", 4.0),
    Form("aws-access-key", r"(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}", "an access key of Amazon's"),
    Form("aws-bedrock-key", r"ABSKQmVkcm9ja0FQSUtleS[A-Za-z0-9+/]{80,260}={0,2}|bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t[A-Za-z0-9+/=]*", "a key of Amazon Bedrock", 2.0, "marker"),
    Form("azure-client-secret", r"[\w.~]{3}[0-9]Q~[\w.~-]{31,34}", "a client secret of Microsoft Entra", 3.0, mark=r"[0-9]Q~"),
    Form("azure-storage-key", r"(?i:AccountKey|SharedAccessKey|primaryKey)[\"' ]{0,3}[=:][\"' ]{0,3}[A-Za-z0-9+/]{43,86}={1,2}", "a storage or messaging key of Azure", 4.0),
    Form("azure-sas", r"(?:\?|&)sv=[0-9-]{10}&[^\s\"'<>]{10,400}sig=[A-Za-z0-9%+/]{40,80}", "a shared access signature of Azure", mark=r"sig="),
    Form("clickhouse-key", r"4b1d[A-Za-z0-9]{38}", "a key of ClickHouse Cloud"),
    Form("clojars-token", r"CLOJARS_[A-Za-z0-9]{60}", "a token of Clojars"),
    Form("cloudflare-ca-key", r"v1\.0-[a-f0-9]{24}-[a-f0-9]{146}", "an origin key of Cloudflare"),
    Form("databricks-token", r"dapi[a-f0-9]{32}(?:-[0-9])?", "a token of Databricks"),
    Form("digitalocean-token", r"do[opr]_v1_[a-f0-9]{64}", "a token of DigitalOcean"),
    Form("doppler-token", r"dp\.(?:pt|st|ct|scim|audit)\.[\w.-]{40,60}", "a token of Doppler"),
    Form("duffel-token", r"duffel_(?:test|live)_[\w=-]{43}", "a token of Duffel"),
    Form("dynatrace-token", r"dt0[a-z][0-9]{2}\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{64}", "a token of Dynatrace", 4.0),
    Form("easypost-token", r"EZ[AT]K[A-Za-z0-9]{54}", "a token of EasyPost", 4.0),
    Form("facebook-token", r"EAA[MC][A-Za-z0-9]{100,}|[0-9]{15,16}(?:\||%7[Cc]|%)[\w-]{27,40}", "an access token of Facebook's", mark=r"EAA[MC]|[0-9]{12}[|%]"),
    Form("flutterwave-key", r"FLW(?:SEC|PUB)K_TEST-[a-h0-9]{12,32}(?:-X)?", "a key of Flutterwave"),
    Form("fly-token", r"fo1_[\w-]{43}|fm[12][ar]?_[A-Za-z0-9+/]{100,}={0,3}", "a token of Fly.io", 4.0),
    Form("frameio-token", r"fio-u-[\w=-]{64}", "a token of Frame.io", 4.0),
    Form("github-token", r"gh[pousr]_[A-Za-z0-9]{36,255}", "a token of GitHub's", 3.0, "crc32"),
    Form("github-fine-grained-token", r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}|github_pat_\w{82}", "a token of GitHub's", 3.0, "crc32"),
    Form("gitlab-token", r"gl(?:pat|dt|rt|ptt|soat|cbt|ffct|imt|agent|ft|oas)-[\w.-]{20,64}|GR1348941[\w-]{20}|_gitlab_session=[0-9a-z]{32}", "a token of GitLab's"),
    Form("google-key", r"AIza[\w-]{35}", "an API key of Google's", 3.5),
    Form("google-oauth", r"GOCSPX-[\w-]{28}|ya29\.[\w-]{50,}", "an OAuth secret of Google's"),
    Form("grafana-token", r"glc_[A-Za-z0-9+/]{32,400}={0,2}|glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}|eyJrIjoi[A-Za-z0-9]{70,400}={0,2}", "a token of Grafana", 3.0, "crc32hex"),
    Form("groq-key", r"gsk_[A-Za-z0-9]{52}", "a key of Groq's"),
    Form("harness-token", r"(?:pat|sat)\.[\w-]{22}\.[a-zA-Z0-9]{24}\.[a-zA-Z0-9]{20}", "a token of Harness"),
    Form("heroku-key", r"HRKU-AA[\w-]{58}", "a key of Heroku's", 4.0),
    Form("huggingface-token", r"(?:hf|api_org)_[A-Za-z]{34}", "a token of Hugging Face"),
    Form("infracost-token", r"ico-[A-Za-z0-9]{32}", "a token of Infracost"),
    Form("intra42-secret", r"s-s4t2(?:ud|af)-[a-f0-9]{64}", "a client secret of 42"),
    Form("jwt", r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{10,}", "a signed token (JWT)", 3.0, "jwt"),
    Form("langsmith-key", r"lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}", "a key of LangSmith"),
    Form("linear-key", r"lin_api_[A-Za-z0-9]{40}", "a key of Linear's"),
    Form("mailchimp-key", r"[a-f0-9]{32}-us[0-9]{1,2}", "a key of Mailchimp's", mark=r"[a-f0-9]-us[0-9]"),
    Form("mailgun-key", r"(?:pub)?key-[a-f0-9]{32}", "a key of Mailgun's", mark=r"key-[a-f0-9]"),
    Form("mapbox-token", r"[ps]k\.eyJ[\w-]{50,100}\.[\w-]{22}|pk\.[a-z0-9]{60}\.[a-z0-9]{22}", "a token of Mapbox's"),
    Form("maxmind-key", r"[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk", "a licence key of MaxMind's", 3.5, mark=r"_mmk"),
    Form("newrelic-key", r"NRAK-[A-Za-z0-9]{27}|NRII-[A-Za-z0-9-]{32}|NRJS-[a-f0-9]{19}|NRRA-[a-f0-9]{42}", "a key of New Relic's"),
    Form("notion-token", r"ntn_[0-9]{11}[A-Za-z0-9]{35}|secret_[A-Za-z0-9]{43}", "a token of Notion's", 3.5),
    Form("npm-token", r"npm_[A-Za-z0-9]{36}", "a token of npm's", 3.0, "crc32"),
    Form("octopus-key", r"API-[A-Z0-9]{26}", "a key of Octopus Deploy"),
    Form("onepassword-key", r"A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}|ops_eyJ[A-Za-z0-9+/]{250,}={0,3}", "a key of 1Password's", 3.5),
    Form("openai-key", r"sk-(?:proj|svcacct|admin|None)-[\w-]{20,200}|sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}|sk-[A-Za-z0-9]{48}", "a key of OpenAI's"),
    Form("openrouter-key", r"sk-or-v1-[a-f0-9]{64}", "a key of OpenRouter's"),
    Form("openshift-token", r"sha256~[\w-]{43}", "a token of OpenShift", 3.5),
    Form("perplexity-key", r"pplx-[A-Za-z0-9]{48}", "a key of Perplexity's", 4.0),
    Form("planetscale-secret", r"pscale_(?:tkn|oauth|pw)_[\w=.-]{32,64}", "a secret of PlanetScale's"),
    Form("postman-key", r"PMAK-[A-Fa-f0-9]{24}-[A-Fa-f0-9]{34}", "a key of Postman's"),
    Form("prefect-key", r"pn[ub]_[A-Za-z0-9]{36}", "a key of Prefect's"),
    Form("private-key", r"-----BEGIN[ A-Z0-9_-]{0,100}PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-[^-]){64,}-----END", "a private key", 3.0, "marker"),
    Form("putty-key", r"PuTTY-User-Key-File-[23]: [\s\S]{100,4000}?Private-Lines: [0-9]+", "a private key of PuTTY", 3.0, "marker", mark=r"PuTTY-User-Key-File"),
    Form("pulumi-token", r"pul-[a-f0-9]{40}", "a token of Pulumi's"),
    Form("pypi-token", r"pypi-AgE(?:IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZ)[\w-]{50,1000}", "a token of PyPI's"),
    Form("readme-key", r"rdme_[a-z0-9]{70}", "a key of ReadMe's"),
    Form("replicate-token", r"r8_[A-Za-z0-9]{37}", "a token of Replicate's"),
    Form("rubygems-key", r"rubygems_[a-f0-9]{48}", "a key of RubyGems"),
    Form("scalingo-token", r"tk-us-[\w-]{48}", "a token of Scalingo's"),
    Form("sendgrid-key", r"SG\.[\w-]{16,32}\.[\w-]{16,64}|SG\.[\w=.-]{66}", "a key of SendGrid's"),
    Form("sendinblue-key", r"xkeysib-[a-f0-9]{64}-[A-Za-z0-9]{16}", "a key of Brevo's"),
    Form("sentry-token", r"sntrys_eyJ[A-Za-z0-9+/=_]{50,500}|sntryu_[a-f0-9]{64}", "a token of Sentry's"),
    Form("settlemint-token", r"sm_[aps]at_[A-Za-z0-9]{16}", "a token of SettleMint's"),
    Form("shippo-token", r"shippo_(?:live|test)_[a-fA-F0-9]{40}", "a token of Shippo's"),
    Form("shopify-token", r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}", "a token of Shopify's"),
    Form("slack-token", r"xox[abeoprs](?:\.xox[bp])?-[\w-]{10,250}|xapp-[0-9]-[A-Z0-9]+-[0-9]+-[a-z0-9]+", "a token of Slack's"),
    Form("slack-webhook", r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{40,60}", "a webhook of Slack's"),
    Form("sourcegraph-token", r"sgp_(?:(?:[a-fA-F0-9]{16}|local)_)?[a-fA-F0-9]{40}", "a token of Sourcegraph's"),
    Form("square-token", r"sq0(?:atp|csp)-[\w-]{22,60}|EAAA[\w-]{60}", "a token of Square's"),
    Form("stripe-key", r"(?:sk|rk)_(?:test|live|prod)_[A-Za-z0-9]{10,247}|whsec_[A-Za-z0-9+/]{24,64}={0,2}", "a key of Stripe's"),
    Form("teams-webhook", r"[a-z0-9]+\.webhook\.office\.com/webhookb2/[a-z0-9-]{36}@[a-z0-9-]{36}/IncomingWebhook/[a-z0-9]{32}/[a-z0-9-]{36}", "a webhook of Microsoft Teams", mark=r"\.webhook\.office\.com"),
    Form("telegram-token", r"[0-9]{8,10}:AA[\w-]{33}", "a bot's token of Telegram's", mark=r"[0-9]:AA"),
    Form("terraform-token", r"[a-zA-Z0-9]{14}\.atlasv1\.[\w=-]{60,70}", "a token of Terraform Cloud", 3.5, mark=r"\.atlasv1\."),
    Form("twilio-key", r"SK[0-9a-fA-F]{32}", "a key of Twilio's"),
    Form("vault-token", r"hv[sbr]\.[\w-]{90,300}|s\.[A-Za-z0-9]{24}", "a token of Vault's", 3.5),
    Form("xai-key", r"xai-[A-Za-z0-9]{80}", "a key of xAI's"),
    Form("yandex-key", r"AQVN[\w-]{35,38}|t1\.[A-Z0-9a-z_-]+={0,2}\.[\w-]{86}={0,2}", "a key of Yandex Cloud"),
    Form("url-password", r"[A-Za-z][A-Za-z0-9+.-]{1,30}://[^\s/@:?#\"'<>]{0,100}:[^\s/@?#\"'<>]{3,200}@", "a password in an address", 0.0, "url", mark=r"://[^\s/@]{0,40}:[^\s/@]{1,40}@"),
    Form("basic-auth", r"(?i:authorization)[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?i:basic|bearer|token)\s{1,3}[\w.~+/=-]{8,}", "credentials of a request", 2.5, "header"),
)  # fmt: skip

ISSUERS: dict[str, str] = {
    "adafruit": r"[a-z0-9_-]{32}", "adobe": r"[a-f0-9]{32}", "airtable": r"[a-z0-9]{17}|pat[A-Za-z0-9]{14}\.[a-f0-9]{64}", "algolia": r"[a-z0-9]{32}", "alibaba": r"[a-z0-9]{30}",
    "asana": r"[a-z0-9]{32}", "atlassian": r"[a-z0-9]{20}[a-f0-9]{4}", "confluence": r"[a-z0-9]{20}[a-f0-9]{4}", "jira": r"[a-z0-9]{20}[a-f0-9]{4}", "aws": r"[A-Za-z0-9+/]{40}",
    "beamer": r"b_[a-z0-9=_-]{44}", "bitbucket": r"[a-z0-9]{32}|[a-z0-9=_-]{64}", "bittrex": r"[a-z0-9]{32}", "cloudflare": r"[a-z0-9_-]{40}|[a-f0-9]{37}", "codecov": r"[a-z0-9]{32}",
    "cohere": r"[a-zA-Z0-9]{40}", "co_api": r"[a-zA-Z0-9]{40}", "coinbase": r"[a-z0-9_-]{64}", "confluent": r"[a-z0-9]{16}|[a-z0-9]{64}", "contentful": r"[a-z0-9=_-]{43}", "datadog": r"[a-z0-9]{40}|[a-f0-9]{32}",
    "dnkey": r"dnkey-[a-z0-9=_-]{26}-[a-z0-9=_-]{52}", "discord": r"[a-f0-9]{64}|[a-z0-9=_-]{32}|[A-Za-z0-9]{24,26}\.[\w-]{6}\.[\w-]{27,38}", "drone": r"[a-z0-9]{32}", "dropbox": r"[a-z0-9]{15}|[a-z0-9]{11}A{10}[a-z0-9=_-]{43}|sl\.[a-z0-9=_-]{130,140}",
    "etsy": r"[a-z0-9]{24}", "facebook": r"[a-f0-9]{32}", "fastly": r"[a-z0-9=_-]{32}", "finicity": r"[a-f0-9]{32}|[a-z0-9]{20}", "finnhub": r"[a-z0-9]{20}", "flickr": r"[a-z0-9]{32}", "freshbooks": r"[a-z0-9]{64}",
    "gitter": r"[a-z0-9_-]{40}", "gocardless": r"live_[a-z0-9=_-]{40}", "heroku": r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "hubspot": r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "intercom": r"[a-z0-9=_-]{60}",
    "jfrog": r"[a-z0-9]{64}|[a-z0-9]{73}", "kraken": r"[a-z0-9/=_+-]{80,90}", "kucoin": r"[a-f0-9]{24}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "launchdarkly": r"[a-z0-9=_-]{40}", "linear": r"[a-f0-9]{32}", "linkedin": r"[a-zA-Z0-9]{16}",
    "lob": r"(?:live|test)_(?:pub_)?[a-f0-9]{31,35}", "mailgun": r"[a-h0-9]{32}-[a-h0-9]{8}-[a-h0-9]{8}", "mattermost": r"[a-z0-9]{26}", "meraki": r"[0-9a-f]{40}", "messagebird": r"[a-z0-9]{25}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "netlify": r"[a-z0-9=_-]{40,46}", "newrelic": r"[a-z0-9]{64}",
    "nytimes": r"[a-z0-9=_-]{32}", "plaid": r"[a-z0-9]{24}|[a-z0-9]{30}|access-(?:sandbox|development|production)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "privateai": r"[a-z0-9]{32}", "rapidapi": r"[a-z0-9_-]{50}",
    "sendbird": r"[a-f0-9]{40}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "sentry": r"[a-f0-9]{64}", "snyk": r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "sonar": r"[a-z0-9=_-]{40}", "sourcegraph": r"[A-Fa-f0-9]{40}", "squarespace": r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "sumo": r"su[a-zA-Z0-9]{12}|[a-z0-9]{64}", "telegram": r"[0-9]{5,16}:A[a-z0-9_-]{34}", "travis": r"[a-z0-9]{22}", "twitch": r"[a-z0-9]{30}", "twitter": r"[a-z0-9]{25}|[a-z0-9]{45}|[a-z0-9]{50}|[0-9]{15,25}-[a-z0-9]{20,40}|A{22}[a-z0-9%]{80,100}",
    "typeform": r"tfp_[a-z0-9_.=-]{59}", "contribsys": r"[a-f0-9]{8}:[a-f0-9]{8}", "zendesk": r"[a-z0-9]{40}", "okta": r"00[\w=-]{40}", "mailchimp": r"[a-f0-9]{32}-us[0-9]{1,2}",
}  # fmt: skip
"""What the keys of an issuer look like that tell nothing by themselves: they count where the issuer's name stands in the name that they are given to."""
