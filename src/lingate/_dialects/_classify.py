# Which kind of error it is: one ordered table, read from the top, first match wins.

# The order matters more than the patterns. Exact codes come first, then the status, and words last, because the same
# words are used for different things: a rate limit speaks of tokens and limits, a used-up quota of `max_tokens`, a wrong
# key of "rate limit docs". A pattern never overrules a code, and a 429 is never read for context words.

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from lingate._dialects._evidence import BASE_RESP, Evidence
from lingate._dialects._redact import compiled
from lingate.errors import BY_KIND

_DROPPED = {ord(mark): None for mark in " _-./#:[]"}


def _key(code: str) -> str:
    # One spelling for `rate_limit_exceeded`, `RateLimitExceeded` and `rate-limit-exceeded`.
    return code.lower().translate(_DROPPED)


class _Codes:
    # Codes that mean one thing: exact ones, and parts that decide wherever they stand in a code.

    def __init__(self, exact: str, parts: str = "") -> None:
        self.exact = frozenset(map(_key, exact.split()))
        self.parts = tuple(map(_key, parts.split()))

    def __call__(self, keys: frozenset[str]) -> bool:
        return not self.exact.isdisjoint(keys) or any(part in key for key in keys for part in self.parts)


class _Words:
    # Patterns over lower-case text, compiled when an error first needs them.

    def __init__(self, *patterns: str) -> None:
        self.patterns = patterns
        self._compiled: tuple[re.Pattern[str], ...] = ()

    def __call__(self, said: str) -> bool:
        if not self._compiled:
            self._compiled = tuple(map(re.compile, self.patterns))
        # Apart, each pattern has a literal to skip to; joined by | they would be tried at every character.
        return any(pattern.search(said) for pattern in self._compiled)


class Case:
    # The evidence, with what several rules ask of it worked out once.

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.keys = frozenset(map(_key, evidence.codes))
        self.said = evidence.said
        status = evidence.status or _implied_status(self.keys) or _said_status(self.said)
        # One that nobody knows is the first of its class (RFC 9110, section 15); iFlow says 439 and 449.
        self.status: int | None = 400 if status and 400 < status < 500 and status not in _KNOWN else status

    def rate(self) -> bool:
        return self.status == 429 or _RATE_CODES(self.keys)

    def client(self) -> bool:
        # 4xx, or unknown: a server that failed may say anything.
        return self.status is None or 400 <= self.status < 500

    def size(self) -> bool:
        # Words about size may be believed.
        return self.client() and not _RATE_WORDS(self.said)

    def names_key(self) -> bool:
        return self.status == 401 and _AUTH_WORDS(self.said)


class Rule(NamedTuple):
    # A row of the table: the kind, and conditions that must all hold.

    kind: str
    codes: _Codes | None = None
    statuses: tuple[int | None, ...] = ()  # None: nobody tells it
    words: _Words | None = None
    when: Callable[[Case], bool] | None = None


_CONTEXT_CODES = _Codes(
    "tokens_too_long characters_too_long model_max_prompt_tokens_exceeded tokens_limit_reached prompt_too_long"
    " input_too_long OutofContextError prompt_tokens_too_long content_length_exceeds_threshold 1261 5021",
    "context_length context_window context_size",
)
_RATE_CODES = _Codes(
    "slow_down token_quota_exceeded request_quota_exceeded too_many_tokens_error token_quota_reached agent_mode_limit_exceeded"
    " resource_exhausted Some-resource-has-been-exhausted limit_requests limit_burst_rate 11201 11202 11203"
    " service_tier_capacity_exceeded quota_limit_reached session_quota_exceeded model_cooldown 1300 3505 1302 1303 tokens"
    " requests LimitExceeded FailedOperation.EngineServerLimitExceeded base_resp:1002 base_resp:1039 base_resp:1041 base_resp:2045",
    "rate_limit rate_exceeded throttl too_many_requests usage_limit request_limit_exceeded token_limited request_limited",
)
_QUOTA_CODES = _Codes(
    "credit_balance_exhausted billing_error billing_hard_limit_reached billing_not_active blocked_api_access"
    " billing exceeded_current_quota_error balance_insufficient not_enough_balance billing_balance_not_enough"
    " credit_limit_exceeded budget_exceeded pre_consume_token_quota_failed payment_required quota_exceeded free_quota_exceeded"
    " overage_limit_reached token_limit_exceeded SetLimitExceeded budget_limit"
    " AllocationQuota.FreeTierOnly ServiceQuotaExceededException ResourceInsufficient.ChargeResourceExhaust 1113 1309"
    " 3036 base_resp:1008 base_resp:2056",
    "insufficient_quota insufficient_balance insufficient_credit insufficient_fund insufficient_user_quota arrear credits_exhausted"
    " ResourcePackExhausted spend_limit overdue",
)
_BUSY_CODES = _Codes(
    "ModelNotReadyException unavailable_error unavailable temporarily_unavailable capacity_exceeded queue_exceeded"
    " system_busy engine_max_pending_tokens 1305 1312 3040",
    "overloaded service_unavailable",
)
_CONTENT_CODES = _Codes(
    "bio_policy cyber_policy misalignment_policy_violation sensitive_words_detected moderation_blocked"
    " nsfw_content content_illegal illegal_prompt illegal_image_content guardrail_intervened"
    " 10013 10014 hooks_failed safety recitation spii blocklist content_blocked prompt_blocked image_safety"
    " image_recitation censorship_blocked content_moderation refusal 1301 base_resp:1026 base_resp:1027",
    "content_filter content_policy prohibited_content unsafe ResponsibleAIPolicyViolation data_inspection_failed"
    " SensitiveContent RiskDetection IllegalDetected",
)
_AUTH_CODES = _Codes(
    "invalid_api_key incorrect_api_key incorrect_api_key_error api_key_invalid api_key_expired missing_api_key no_api_key"
    " unauthenticated unauthorized authorized_error NotAuthenticated invalid_token invalid_credentials credentials_missing"
    " account_deactivated UnrecognizedClientException RequestExpired InvalidSignatureException SignatureDoesNotMatch"
    " IncompleteSignature IncompleteSignatureException InvalidClientTokenId invalid_grant invalid_client failed_to_auth"
    " base_resp:1004 base_resp:2049",
    "AuthFailure. authentication authorization_header ExpiredToken token_expired",
)
_NOT_FOUND_CODES = _Codes(
    "not_found not_found_error resource_not_found_error ResourceNotFoundException ResourceNotFound"
    " DeploymentNotFound InvalidEndpoint.ClosedEndpoint NotAuthorizedOrNotFound model_is_deactivated invalid_model_id"
    " resource_does_not_exist endpoint_not_found unknown_model invalid_model model_not_available model_not_supported"
    " model_not_exist model_decommissioned model_deprecated unavailable_model UnknownOperationException 5007 1211",
    "model_not_found",
)
_RATE_WORDS = _Words(
    r"rate.?limit",
    r"(?:tokens|requests) per",
    r"per (?:minute|min|hour|day|second)\b",
    r"\b[tri]p[mhd]\b",
)
_QUOTA_WORDS = _Words(
    r"insufficient[ _](?:\w+ ){0,2}(?:balance|credits?|funds)\b",
    r"(?:balance|credits?) (?:is |are |was |has been |have been )?"
    r"(?:(?:too|running) low|not enough|insufficient|exhausted|depleted|used up|expired|required)",
    r"(?:not enough|out of|have no|no more|no remaining|all available|requires? (?:more|usage)|monthly included|used up your)"
    r" (?:credits?|points)\b|(?:not enough|has no) (?:balance|funds)\b",
    r"(?:doesn't|don't|do not|does not|didn't) have (?:any|enough) credits?\b",
    r"out of (?:call volume|bandwidth) quota|key (?:limit exceeded|reached its usage limit)",
    r"spend(?:ing)? (?:limit|cap)|credit limit (?:exceeded|reached)",
    r"specified (?:\w+ )?api usage limits?|\b(?:out of|draw from your) extra usage\b",
    r"(?<!thinking.)(?<!reasoning.)(?<!concurrency.)budget (?:\w+ ){0,4}(?:exceeded|exhausted)",
    r"exceeded (?:your |the )?(?:\w+ )?budget|exceeded\w{0,9}budget",
    r"quota is not enough|need quota:|预扣费",
    # Beside a rate limit that is advice: "Add credits to unlock 1000 free requests per day".
    r"(?s)^(?!.*rate.?limit).*(?:add|purchase|buy) (?:more )?(?:credits?|funds)\b(?! to (?:increase|unlock|raise|lift))",
    r"\brecharge\b|please top[ -]?up|top[ -]?up your",
    r"in arrears|account (?:is |has been )?overdue|overdue.(?:balance|payment)|have a free quota tier",
    r"daily free allocation|api calls / month",
    r"usage limit for this billing (?:cycle|period)|monthly limit exhausted|your weekly (?:\(7-day\) )?usage limit",
    r"余额不足|积分不足|欠费|充值|额度不足|(?:额度|配额|余量)已用",
)
# Not beside a 429: there they are advice on how to get a higher rate.
_UNPAID_WORDS = _Words(
    r"payment (?:method )?(?:is )?(?:required|past due)|valid credit card|unpaid",
    r"(?:add|enter) (?:a |your )?(?:valid )?payment method",
    r"non-?payment|negative balance|credits? (?:remaining|left)\W?$|all (?:of )?your credits",
    r"(?:free )?trial (?:has |is )?(?:expired|ended)|subscription (?:has |is )?expired|billing hard limit",
    r"payment instrument|monthly (?:usage )?(?:limit|quota)|exceeded your current quota",
    r"insufficient quota|quota (?:is exceeded|(?:is |has been )?(?:exhausted|used up))",
)
_BUSY_WORDS = _Words(
    r"(?<!either the )(?<!either the server )"  # ... or there is an error in the application
    r"(?:is|are|been|currently|temporarily|server|engine|model|service|upstream) (?:\w+ )?overloaded",
    r"(?:at|over|out of|no) (?:(?:maximum|max|full|available|serving) )?capacity",
    r"^overloaded|capacity temporarily exceeded",
    r"(?:server|model|service|system|engine|worker)s? (?:is |are )?(?:\w+ )?bus[yi]",
    r"currently loading|(?<!error )(?<!failed )loading model|model (?:is )?(?:still )?loading(?! aborted)",
    r"(?:experiencing|due to) (?:high|heavy) (?:traffic|load|demand)",
    r"繁忙|服务忙|负载(?:过高|较高|已饱和)|访问量过大|容量不足",
    r"temporarily unavailable|service unavailable|no healthy (?:upstream|\w+ route)|no available (?:\w+ )?accounts"
    r"|accounts are .{0,12}unavailable|no auth available",
    r"(?:model|server|endpoint|deployment) (?:is )?(?:not (?:yet )?ready|warming up|waking up|scaling up)",
    r"unable to handle additional requests|degraded function|maximum pending requests exceeded|queue (?:is )?full",
)
_AUTH_WORDS = _Words(
    r"\b(?:incorrect|invalid|wrong|bad|missing|expired|revoked|unknown|no|malformed) (?:or (?:missing|expired|invalid) )?"
    r"(?:\w+ )?(?:x-)?(?:api|auth|authentication|authorization|access|bearer|security|subscription)"
    r"[-_ ]?(?:key|token|header|credentials?)",
    r"api[-_ ]?key (?:\S+ ){0,3}?(?:not valid|not found|not be found|invalid|incorrect|expired|missing|required|revoked"
    r"|disabled)(?!.{0,40}(?:permission|scope))",
    r"(?:(?:access|bearer|auth|authentication|authorization) token|authorization header)s? (?:(?:is|was|has(?: been)?|could) )?"
    r"(?:not valid|not be (?:validated|verified)|invalid|incorrect|expired|missing|malformed|revoked)",
    r"(?:bad|invalid|wrong|incorrect|missing|expired) credentials|credentials (?:are|were) (?:invalid|incorrect|expired)",
    r"(?:^|= )invalid token(?: \(|\W?$)|\b(?:token|jwt|key) (?:has |is )?expired",
    r"(?:无效的?|未提供) ?(?:api|密钥|令牌|key)|(?:api ?key|token|密钥|令牌) ?(?:无效|错误|过期|不存在)|(?:鉴权|认证|身份验证)失败",
    r"api[-_ ]?key was reported as leaked|^please check the api[-_ ]?key",
    r"(?:security|bearer) token included in the request is|request signature we calculated does not match",
    r"(?:authentication|certification|key (?:verific|valid)ation|iam signature(?: check)?) (?:fails|failed|error|required)",
    r"\bnot authenticated\b|service token failed|(?:decode|get) (?:the )?.?authorization",
    r"invalid authentication|could not validate credentials",
)
_SUM = r"input.{1,3}token(?:s| count) \+ .?max_(?:new_)?tokens"
_SIZED_PROMPT = _Words(  # an output cap is named, but the prompt is what does not fit
    _SUM,
    r"exceed context limit|\d\)? \+ .?max_(?:\w+_)?tokens",
    r"exceeds? (?:the |this )?(?:model'?s )?(?:max(?:imum)? )?context|must be .{0,30}max_seq_len",
)
_OUTPUT_WORDS = _Words(
    r"max[_ ]?(?:(?:(?:completion|output|new|total)[_ ]?)?tokens?(?:count|_to_sample)?|gen_len)\b.{0,80}?"
    r"(?:too (?:large|high|big)|(?:must|should) be (?:less|<|at most|smaller|no more|between|in (?:the range|\[))"
    r"|cannot (?:exceed|be (?:greater|larger|more|higher))"
    r"|(?<!must be )(?<!should be )(?:above|(?:greater|larger|higher) than)(?! (?:0|zero)\b)"
    r"|exceeds|(?:have|limit) exceeded|not less or equal|> ?\d|out of range|range is \[|supported range)",
    r"maximum (?:number of )?(?:\w+ )?tokens (?:you )?requested exceed",
    r"max_(?:\w+_)?tokens: ensure this value is less|maximum allowed number of output tokens",
    r"(?:range|maximum value) (?:of|for) .?max_(?:\w+_)?tokens",
)
_CONTEXT_WORDS = _Words(
    r"max(?:imum)? context\b|context limit is [\d,]+ tokens|request too long: [\d,]+",
    r"context (?:length|window|size)\b.{0,60}(?:exceed|limit|too long|overflow|too large|too small)",
    r"(?:exceed|overflow|(?:longer|larger|greater) than|beyond|not fit).{0,80}context (?:length|window|size|limit)",
    r"(?:prompt|messages|context|(?<!stop )sequence|^text) (?:\([^)]{1,60}\) )?(?:is |are )?too (?:long|large)",
    r"tokens of context|exceeds? (?:the )?max(?:imum)? (?:number of )?(?:input|prompt|message) tokens",
    r"(?:request|input) exceeds (?:the )?max(?:imum)? (?:number of )?tokens",
    r"tokens in (?:the )?request (?:more|greater|larger) than",
    r"(?:input|text|prompt) (?:cannot )?exceeds? (?:\w+ ){0,4}[\d,]+ tokens",
    r"(?:input|prompt|request|messages?)\b.{0,40}? \(?[\d,]+ (?:\w+ )?tokens\)?,? (?:exceeding|(?:which |that )?exceeds?)\b",
    r"\b(?:input|prompt)[ _](?:tokens?|token count|length)\b.{0,40}(?:exceed|too long|must be (?:less|smaller|shorter)"
    r"|(?:long|larg|great)er than)",
    r"total (?:number of |message )?tokens?\b.{0,20} (?:exceed|(?:larger|greater) than)",
    r"(?:prompt|input|request) (?:is|has) [\d,]+ tokens\b.{0,40}\bcontext|runs? out of context|needs [\d,]+ context tokens",
    r"context[_ ]?(?:length|window)[_ ]?exceeded",
    r"(?:上下文|输入|提示词?|prompt|对话)[^图音视件]{0,8}(?:超长|过长|超过|超出|超限)|超[过出].{0,6}上下文|token(?:数量?|长度)?超",
    r"size limit exceeded by [\d,]+ tokens",
    r"(?:prompt|input content) (?:exceeds|length).{0,40}(?:max|exceeds|limit)",
    r"input (?:is )?too long|(?:input|prompt)\b.{0,60} is longer than(?! 1 token)",
    r"number of (?:input tokens must be no more|tokens in the (?:input|prompt).{0,40}(?:exceed|must be no more))",
    r"too many input tokens|input token count.{0,40}but (?:the )?model (?:only )?supports",
    r"(?:maximum|max) (?:allowed |supported )?(?:prompt|input|sequence|model|message) (?:length|tokens|characters)",
    r"exceeded model token limit|model max length exceeded",
    r"reduce (?:the length of )?(?:the |your )?(?:input )?(?:messages|prompt|either)\b",
    r"range of input length|length of (?:the )?(?:messages|input|prompt) exceed",
    _SUM,
    r"inputs?\W? must have less than [\d,]+ tokens",
    r"max_tokens must be at least 1, got -|must be less than (?:or equal to )?max_seq_len",
    r"token count (?:(?:of )?[\d,]+ )?exceeds",
    r"tokens to keep from the initial prompt|context the overflows|n_keep\W+\d+\W+n_ctx|max tokens of [\d,]+ exceeded",
)
_SURE_CONTEXT_WORDS = _Words(
    r"^context size has been exceeded|^(?:the )?input length exceeds|^input (?:\([\d,]+ tokens\) )?is too large to",
    r"exceeds the model's maximum context length|maximum context length is [\d,]+ tokens\W+however, you"
    r"|exceeds (?:the )?available context size",
)
_BYTES_WORDS = _Words(
    r"payload size exceeds|max bytes|total message size [\d,]+ exceeds|request (?:body|entity|payload|size) (?:is )?too large"
)
_CONTENT_WORDS = _Words(
    r"content[- ](?:policy|policies|filter|filters|filtering|moderation)\b",
    r"safety (?:system|filters?|policy|policies|guidelines)",
    r"for safety reasons|flagged (?:as|for|by)|(?:was|were|been|is) flagged",
    r"violat\w+ (?:(?!\borg).){0,60}?(?:polic(?:y|ies)|guidelines?)",
    r"(?:inappropriate|sensitive|harmful|prohibited)[ _](?:output |input )?(?:content|information|words?)",
    r"content exists risk|\bnsfw\b|filtered due to|safety[ _]violations?|content safety|unsafe (?:content|image)|be unsafe",
    r"(?:prompt|response|output|input|image) (?:was |were |is |has been )?blocked",
    r"violat\w+ .{0,60}?terms of (?:service|use)",
    r"(?:blocked|denied|rejected) by .{0,40}(?:(?<!forti)guard|put policy)",
    r"(?:considered|due to) high[- ]risk|guardrails?\b.{0,40}(?:triggered|intervened|failed|blocked|violat)",
    r"^content blocked:.{0,80}detected|prompt.injection|jailbreak|blocked pii|pii detected|new_sensitive|敏感|违规|审核不通过",
)
_NAME = r"[\"'`]?[\w./:@+-]{1,120}[\"'`]?"
_NOT_FOUND_WORDS = _Words(
    rf"(?:model|deployment|endpoint|engine|version)s?[/:\s]{{1,3}}(?:or endpoint |id |name |with (?:id|name) )?(?:{_NAME} )?"
    r"(?:is |was |are |could |does |do |has |have )?(?:currently )?"
    r"(?:not (?:be )?(?:found|exist)|doesn't exist|no longer|removed"
    r"|(?:been )?(?:deactivated|deprecated|decommissioned|removed|retired|discontinued|sunset|shut ?down))",
    r"reached (?:its )?end of life|unknown provider for model|no provider supported",
    rf"model (?:{_NAME} )?(?:is )?not supported(?: (?:by|for|in|on|when) .{{0,30}}\b(?:provider|environment|region|account|plan)"
    rf"|\. supported models)|(?:^|: )model {_NAME} (?:is )?not supported\W*$",
    r"(?:unknown|no such|^not supported|; not supported) model|unsupported model(?:[:;]| [\"'`]|$)",
    r"(?:could not|cannot|can't|unable to) (?:find|access) (?:the |a )?(?:[\w-]+ )?model|supported api model names",
    r"(?:invalid|incorrect) model(?: name| id| specified|[:.])",
    r"(?:model identifier is invalid|not a valid model)",
    r"no models? (?:is |are )?(?:currently )?loaded",
    r"404 not_found|^not found$|^entity with key .+ not found",
    r"endpoint \S{1,120} of account \S{1,40} not found",
    r"unexpected endpoint or method",
    r"模型.{0,40}(?:不存在|已下[线架])|(?:未找到|找不到).{0,4}模型|不支持(?:所选|使用此|使用该|此|该)?模型(?!参)",
)
# Not on 5xx: a model that a server which failed calls unavailable may be back soon.
_UNAVAILABLE_WORDS = _Words(
    rf"model (?!is ){_NAME} (?:is )?(?:unavailable|not (?:available|deployed|servable))",
    r"endpoint (?:is|has been) (?:paused|stopped)|model (?:is |has )?not (?:been )?loaded",
    r"requested model (?:\S{1,120} )?is not (?:supported|available)|no available channel|无可用渠道",
)
_SHUT_OUT_WORDS = _Words(
    r"(?:organi[sz]ation|account|project|team|workspace|resource|user|key|access)s? (?:has been|have been|is|was) "
    r"(?:\w+ )?(?:disabled|deactivated|suspended|restricted|blocked|banned|locked|terminated)",
    r"disabled in (?:this|your) account",
)
_PERMISSION_WORDS = _Words(
    r"(?:(?:do|does)(?: not|n't) have|has no) (?:the )?(?:(?:required |necessary |sufficient )?permission|access to)",
    r"(?:permission|access) (?:to \w+ )?(?:is |was )?(?:denied|forbidden)|(?:\bno|insufficient) (?:\w+ )?permission",
    r"(?:location|country|region|territory) (?:is )?not (?:supported|available|allowed)|unsupported (?:country|countries|region)",
    r"organi[sz]ation must be verified|requires (?:terms acceptance|a subscription)",
    r"(?:not (?:yet )?|un)(?:available|allowed|enabled|included) (?:for|in|on|with) (?:this|your) (?:\w+ )?"
    r"(?:subscription|plan|tier|account|organi[sz]ation|(?:api|virtual) key|country|region)",
    r"无权(?:访问|限|使用)|(?:没有|无).{0,4}权限|未(?:开通|订购)|^appidnoauth",
    r"(?:plan|subscription|tier) (?:doesn't|does not) include",
    r"^operation not allowed|not (?:authorized|permitted|allowed) to (?:access|use|perform|call|invoke)",
    r"(?:credential|key|token) is only (?:authorized|valid) for|restricted to authorized",
)
_CRASHED_WORDS = _Words(
    r"model (?:has )?crashed|failed to (?:load model|parse input at pos)|(?:internalserver|badgateway)error: \w{1,30}exception - ",
    r"server connection error|^model (?:is |was )?(?:un|re)loaded|^channel error|request returned 5\d\d",
    r"(?:engine|runner|worker) process (?:has )?(?:exited|terminated|crashed)",
)
_RATE_SAID = _Words(
    r"throttling (?:error|threshold)|please wait before (?:trying again|retrying)",
    r"request rate (?:increased too quickly|exceeds)|rejected due to (?:\w+ )?rate.?limit",
    r"rate.?limit\w*\b.{0,30}(?:reached|exceeded|hit|triggered)",
    r"(?:reached|exceeded|hit) .{0,40}(?:rate.?limit|(?:usage|session) limit|max (?:\w+ )?(?:[rt]p[md]\b|concurrency)"
    r"|concurrent request limit)",
    r"too many (?:\w+ )?requests|concurrency (?:\w+ )?limit (?:has been )?(?:reached|exceeded|exhausted)",
    r"(?:requests?|usage) (?:limit (?:by [\w ]{1,30})?(?:reached|exceeded)|(?:was )?throttled)|\brate.?limited\b",
    r"\b[rt]pm (?:limit )?(?:exceeded|reached)|频繁|限流|限频|流控超限|超限\W?[tr]pm|流量受限|(?:并发|频率).{0,3}(?:过高|限制)",
    r"(?:使用|调用).{0,4}(?:上限|限额)|no deployments available",
    r"quota (?:limit )?exceeded|exceed(?:s|ed) (?:your|the) (?:\w+ )?quota",
)
# Only where nothing tells the status: an error in a success, or in mid-stream, without a code.
_BROKEN_WORDS = _Words(
    r"internal[ _]?(?:serv\w+ ?)?error|内部错误|(?:系统|网络|接口)(?:错误|异常)|(?:cannot|failed to|unable to|could not) connect",
    r"(?:out.of.(?:device.)?|more system )memory|^system error|cuda|runner process|engine (?:core|loop)",
    r"(?:worker|process|engine|run(?:ner|time)) (?:has )?(?:died|crashed|terminated)|\beconn\w+",
    r"connecterror|socket hang up|fetch failed|premature (?:close|end)|\bgoaway\b|peer closed|bad gateway|error decoding response",
    r"provider returned (?:an )?error|error injected|something went wrong|unexpected error",
    r"\ban error (?:occurred|was encountered|has occurred)|server had an error|processing your request|backend (?:error|failed)",
    r"connection (?:\w+ ){0,2}(?:reset|refused|closed)|\beof\b|disconnected|in input stream",
    r"(?:request|prediction|inference|generation) (?:failed|exception|interrupted)",
    r"(?:network|connection|stream|upstream)[ _](?:\w+[ _])?(?:error|fail|lost|terminated|ended|interrupted|unavailable)",
    r"\baborted|unknown error|failed to generate|engine error|dial tcp|not responding|(?:try|retry)(?: again)? later|^try again$",
    r"稍后(?:再|重)试|(?:上游|均).{0,4}失败",
)
_LATE_WORDS = _Words(r"timed[ -]?out", r"deadline (?:exceeded|expired)", r"\btime-?out\b|超时")
_LATE_CODES = _Codes("cancelled deadline_exceeded ModelInvocationTimeExceeded base_resp:1001", "timeout")
_ZERO_QUOTA = _Words(r"quota exceeded for metric:[^\n]*limit: 0\b")

_IMPLIED = {
    _key(code): status
    for status, codes in {
        400: "invalid_request_error invalid_request invalid_argument invalid_parameter bad_request bad_request_error"
        " template_error tool_error validation unprocessable string_too_long invalid_image image_too_large image_too_small"
        " unsupported_image_format image_download_failed image_not_found"
        " failed_precondition ValidationException validation_error invalid_prompt",
        403: "permission_error permission_denied PermissionDeniedError AccessDenied AccessDeniedException forbidden"
        " UnauthorizedOperation FailedOperation.ServiceStop FailedOperation.ServiceNotActivated FailedOperation.UserUnAuthError",
        409: "conflict conflict_error aborted already_exists",
        413: "request_too_large payload_too_large RequestEntityTooLarge RequestSizeLimitExceeded",
        500: "api_error server_error upstream_error internal_error internal InternalServerError InternalServerException"
        " InternalFailure InternalStreamFailure ModelStreamError ModelStreamErrorException ModelError"
        " malformed_function_call malformed_tool_call malformed_response unexpected_tool_call too_many_tool_calls"
        " ModelErrorException unknown data_loss generation incomplete_generation base_resp:1000 base_resp:1013"
        " base_resp:1024 base_resp:1033",
    }.items()
    for code in codes.split()
}
"""What a class of error would have had as its HTTP status, for errors that come without one (in streams)."""


def _implied_status(keys: frozenset[str]) -> int | None:
    if _LATE_CODES(keys):
        return 504
    found = keys & _IMPLIED.keys()
    # A gateway calls what it passes on an error of the API, of a server or its upstream; what is in it knows better.
    return max((_IMPLIED[key] for key in found - {"apierror", "servererror", "upstreamerror"} or found), default=None)


_SAID = r"(?:^\[?|\b(?:error|status)(?: code)?:? |\bhttp )([45]\d\d)(?![^]:;, ])(?! tokens)"


def _said_status(said: str) -> int | None:
    # `Error code: 429 - {...}`, `502 Bad Gateway`: how proxies tell a status where there is no place for it.
    found = compiled(_SAID).search(said)
    return int(found[1]) if found else None


def zero_quota(evidence: Evidence) -> bool:
    # Google's way to say that a plan does not have the model: the quota that was exceeded is 0.
    return any(value == "0" for _, value in evidence.quotas) or _ZERO_QUOTA(evidence.said)


RULES = (
    # Exact context codes, unless the same body has a code for rates (a 429 that also says context_length_exceeded).
    Rule("context_window", codes=_CONTEXT_CODES, when=lambda case: not _RATE_CODES(case.keys)),
    # Google says "exceeded your current quota ... billing" in all cases; the quota's record decides. A quota of 0 means
    # that this plan does not have the model at all.
    Rule("quota", when=lambda case: zero_quota(case.evidence)),
    Rule("rate_limit", when=lambda case: bool(case.evidence.quotas)),
    Rule("quota", codes=_QUOTA_CODES),
    Rule("overloaded", codes=_BUSY_CODES),
    Rule("content_filter", codes=_CONTENT_CODES),
    Rule("content_filter", when=lambda case: case.evidence.flagged),
    # A code for the form of a field: its words quote the client's own, such as names of tools.
    Rule(
        "bad_request", _Codes("", "unknown_param unsupported_param required_param function_param json_schema"), (400,)
    ),
    Rule("output_limit", codes=_Codes("max_tokens_exceeded")),
    # Google's 402 has the code of a rate. 412: Fireworks, for suspended accounts.
    Rule("quota", statuses=(402, 412)),
    # Rates: words may only tell money and capacity apart, never make a context error of it.
    Rule("quota", words=_QUOTA_WORDS, when=Case.rate),
    Rule("overloaded", words=_BUSY_WORDS, when=Case.rate),
    Rule("rate_limit", when=Case.rate),
    # Anthropic answers 400, xAI 403 and MiniMax 500 when the money is gone. A 401 that names the key is about the key.
    Rule("quota", words=_QUOTA_WORDS, when=lambda case: (case.client() or case.status == 500) and not case.names_key()),
    Rule("quota", words=_UNPAID_WORDS, when=lambda case: case.client() and not case.names_key()),
    # LiteLLM answers 401 where a key may not use the model, Azure where a principal may not.
    Rule("permission", codes=_Codes("data_residency_mismatch 11200", "model_access_denied")),
    Rule("permission", codes=_Codes("permission_denied AccessDeniedException", "missing_perm"), statuses=(400, 401)),
    # 498: an invalid token (Groq's 498 has the code capacity_exceeded).
    Rule("auth", statuses=(401, 498)),
    Rule("auth", codes=_AUTH_CODES),
    # xAI and Gemini answer 400 to a wrong key, AWS 403; Baidu 200.
    Rule("auth", statuses=(None, 400, 403), words=_AUTH_WORDS),
    Rule("not_found", codes=_NOT_FOUND_CODES),
    Rule("overloaded", statuses=(529,)),
    # Groq calls a request above the tokens per minute "too large", with 413.
    Rule("rate_limit", statuses=(413,), words=_RATE_WORDS),
    Rule("output_limit", words=_OUTPUT_WORDS, when=lambda case: case.size() and not _SIZED_PROMPT(case.said)),
    Rule("context_window", words=_CONTEXT_WORDS, when=Case.size),
    # llama.cpp and Ollama, with 500. Words that others may use of a server's own trouble are believed of no 5xx.
    Rule("context_window", words=_SURE_CONTEXT_WORDS),
    # llama.cpp, with 500: a server started without what the request takes (ggml-org/llama.cpp#13566), or a template that
    # does not take the conversation (#19851).
    Rule(
        "bad_request",
        words=_Words(
            r"^(?:image|audio|video) input is not supported|^tool(?:s|_choice) param requires --jinja",
            r"^(?:failed to parse tool call arg|cannot use (?:tools|custom g|both j))|while executing \w+ at line \d|jinja exc",
            r"at row \d+, column \d+:|\(in \w{1,40}:\d+\)|must be one of .+but got",
        ),
    ),
    # Who is shut out for what was said is not told it of this prompt.
    Rule("permission", statuses=(None, 400, 403), words=_SHUT_OUT_WORDS),
    Rule("content_filter", words=_CONTENT_WORDS, when=Case.client),
    Rule("bad_request", codes=_Codes("external_connector_error")),  # of an MCP server that the request names, with 424
    # TEI says 413 to whatever its validation refuses.
    Rule("bad_request", codes=_Codes("validation"), statuses=(413,)),
    Rule("payload_too_large", statuses=(413,)),
    Rule("payload_too_large", statuses=(400,), words=_BYTES_WORDS),
    Rule("not_found", statuses=(404, 410)),
    Rule("not_found", words=_NOT_FOUND_WORDS),
    Rule("not_found", statuses=(None, 400, 422), words=_UNAVAILABLE_WORDS),
    Rule("rate_limit", statuses=(400, 403, 422), words=_RATE_SAID),
    Rule("permission", statuses=(403, 451)),
    Rule("permission", words=_PERMISSION_WORDS, when=Case.client),
    # 499: the other end gave the request up (Google's CANCELLED, Cohere, nginx). 522, 524: Cloudflare waited in vain.
    Rule("timeout", statuses=(408, 499, 504, 522, 524)),
    Rule("conflict", statuses=(409,)),
    Rule("overloaded", statuses=(503,)),
    Rule("overloaded", words=_BUSY_WORDS),
    Rule("timeout", statuses=(500, 502), codes=_LATE_CODES),
    Rule("rate_limit", statuses=(None,), words=_RATE_SAID),
    # In a stream, the words of a relay say more than its own type.
    Rule("timeout", statuses=(None, 500), words=_LATE_WORDS, when=lambda case: case.evidence.status is None),
    Rule("server_error", words=_CRASHED_WORDS),  # LM Studio answers 400 to this
    Rule("server_error", when=lambda case: case.status is not None and (case.status >= 500 or case.status == 424)),
    Rule("server_error", statuses=(None,), words=_BROKEN_WORDS),
    # A failure without a word of explanation (response.failed, error null).
    Rule("server_error", statuses=(None,), when=lambda case: not case.said and not case.keys),
)

# What the table tells apart.
_KNOWN = {*range(400, 419), 424, 429, *(status for rule in RULES for status in rule.statuses)}


def classify(evidence: Evidence, overrides: Mapping[str, str]) -> str:
    # The kind of an error.
    # `evidence`: what the body and its status say.
    # `overrides`: the provider's own meanings: exact codes, then `status:<int>` keys.
    if overrides and (kind := _overridden(evidence, overrides)):
        return kind
    case = Case(evidence)
    for rule in RULES:
        if (
            (not rule.statuses or case.status in rule.statuses)
            and (rule.codes is None or rule.codes(case.keys))
            and (rule.when is None or rule.when(case))
            and (rule.words is None or rule.words(case.said))
        ):
            return rule.kind
    return "bad_request"


def _overridden(evidence: Evidence, overrides: Mapping[str, str]) -> str | None:
    exact = [overrides.get(code.removeprefix(BASE_RESP)) for code in evidence.codes]
    for kind in (*exact, overrides.get(f"status:{evidence.status}")):
        if kind in BY_KIND:
            return kind
    return None
