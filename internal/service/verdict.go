package service

import (
	"cmp"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Meaning is what an answer that is no success means.
type Meaning string

// The meanings.
const (
	RateLimited Meaning = "rate limited"  // too many requests or tokens
	NoCredit    Meaning = "no credit"     // waiting is no use
	Rejected    Meaning = "rejected"      // the key, or what it may do
	NoModel     Meaning = "no such model" // or no such address
	Parameter   Meaning = "parameter"     // one that is sent with every query
	Query       Meaning = "query"         // too long, flagged or not valid
	Passing     Meaning = "passing"       // it may go better later
	WebPage     Meaning = "web page"      // not from the service
	WrongPath   Meaning = "wrong address" // a redirect, or a method that is not allowed
	Unknown     Meaning = "words unknown" // counts as the query's
)

// Fault says whose fault it is.
type Fault string

// The faults.
const (
	OfQuery     Fault = "query"
	OfKey       Fault = "key"
	OfCandidate Fault = "candidate"
	OfHost      Fault = "host"
	OfNobody    Fault = "nobody"
)

// A Verdict is what [Judge] says.
type Verdict struct {
	Meaning Meaning
	Fault   Fault
	// Certain says that no further request to the candidate can fare better,
	// where it is the candidate's fault.
	Certain bool
	// Model says that a key is rejected for the model alone.
	Model bool
	// Account says that a rate limit is the account's, whatever the model.
	Account bool
	// Spent says that a service behind the one that answered may have been paid.
	Spent bool
	// Isolated says that the refusal may come of what one request says, so that it
	// tells nothing of the next; see [JudgeRelayed].
	Isolated bool
}

// passingStatus are the statuses below 500 that say "later".
var passingStatus = []int{
	http.StatusRequestTimeout, http.StatusConflict, http.StatusFailedDependency, http.StatusTooEarly,
	498, // capacity (Groq)
	499, // the gateway's client went away
}

// Judge says what an answer with a status of 300 or more means, or one that is
// an error in spite of its status, for which status is 0. The first of these
// rules that holds decides: words in which a gateway names the failure of what is
// behind it; 401, 404, 410, 429 and 5xx by their status; codes and words; these
// statuses where the body names one; other statuses; a web page. What is left is refused in unknown words, and counts as
// the query's fault. Where a gateway speaks of what is behind it, that is the
// candidate's fault, and not our key's.
func Judge(status int, b Body) Verdict {
	if status == 0 {
		status = b.Status
	}
	v, decided := b.judgeGateway()
	if !decided {
		v, decided = b.judgeStatus(status)
	}
	if !decided {
		v, decided = b.judgeWords(status)
	}
	if !decided && b.Status != 0 {
		v, decided = b.judgeStatus(b.Status)
	}
	if !decided {
		v = b.judgeRest(status)
	}
	if b.upstream && v.Fault == OfKey {
		v.Fault, v.Model, v.Certain = OfCandidate, false, true
	}
	v.Spent = status >= 500 && (b.upstream || status == http.StatusBadGateway || status == http.StatusGatewayTimeout || status == 520 || status == 524)
	return v
}

// JudgeRelayed is Judge for a request that somebody else has written. Its parameters
// are theirs, and so is what the service repeats of it in its words. Therefore only a
// status that no request brings about by what it says speaks of key, candidate and
// host: 401, 429 and those above 501, as far as nothing but a code adds to what
// the status means. Any other refusal is isolated: it decides what becomes of this
// request alone.
func JudgeRelayed(status int, b Body) Verdict {
	v := Judge(status, b)
	status = cmp.Or(status, b.Status)
	speaks := status == http.StatusUnauthorized || status == http.StatusTooManyRequests || status > http.StatusNotImplemented
	v.Isolated = !speaks || v.Meaning != Judge(status, Body{}).Meaning && !b.hasCode(v.Meaning)
	if v.Meaning == Parameter {
		v.Fault = OfQuery
	}
	return v
}

// A pattern is a regular expression that is compiled when it is first needed:
// programs that meet no error do without.
type pattern struct{ get func() *regexp.Regexp }

func words(text string) pattern {
	return pattern{sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })}
}

func (p pattern) in(s string) bool { return p.get().MatchString(s) }

// faults are whose fault a meaning is, as a rule.
var faults = map[Meaning]Fault{
	RateLimited: OfNobody, NoCredit: OfKey, Rejected: OfKey, NoModel: OfCandidate, Parameter: OfCandidate,
	Query: OfQuery, Passing: OfNobody, WebPage: OfHost, WrongPath: OfCandidate, Unknown: OfQuery,
}

func verdict(m Meaning) Verdict { return Verdict{Meaning: m, Fault: faults[m]} }

var (
	// upstreamWords are how gateways quote what is behind them.
	upstreamWords = words(`\blitellm\.[A-Z]\w+|\b[A-Z]\w*Exception - |(?i)\bprovider returned (an )?error\b|\berror from (the )?(model )?provider\b|\bupstream (error|provider|service|returned|responded)\b`)
	litellmError  = words(`\blitellm\.([a-z]+)`)
	gatewayBudget = words(`crossed budget|exceeded budget for (deployment|provider|model|tag)`)
)

// litellmMeanings are the names of litellm's errors that say enough.
var litellmMeanings = map[string]Meaning{
	"authenticationerror": Rejected, "permissiondeniederror": Rejected, "notfounderror": NoModel,
	"contextwindowexceedederror": Query, "contentpolicyviolationerror": Query, "unsupportedparamserror": Parameter,
	"timeout": Passing, "serviceunavailableerror": Passing, "internalservererror": Passing, "apiconnectionerror": Passing,
	"badgatewayerror": Passing, "midstreamfallbackerror": Passing,
}

// judgeGateway knows the words in which a gateway names the failure of what is
// behind it.
func (b *Body) judgeGateway() (Verdict, bool) {
	if gatewayBudget.in(b.words) {
		return Verdict{Meaning: NoCredit, Fault: OfCandidate, Certain: true}, true
	}
	m := litellmError.get().FindStringSubmatch(b.words)
	if m == nil {
		return Verdict{}, false
	}
	if m[1] == "ratelimiterror" {
		return b.judgeLimit(), true
	}
	meaning, ok := litellmMeanings[m[1]]
	v := verdict(meaning)
	v.Certain = meaning == NoModel
	return v, ok
}

// judgeStatus knows the statuses that say enough.
func (b *Body) judgeStatus(status int) (Verdict, bool) {
	switch {
	case status == http.StatusUnauthorized:
		return verdict(Rejected), true
	case status == http.StatusNotFound, status == http.StatusGone:
		v := verdict(NoModel)
		v.Certain = b.class() == NoModel
		return v, true
	case status == http.StatusTooManyRequests:
		return b.judgeLimit(), true
	case status >= 500:
		return verdict(Passing), true
	}
	return Verdict{}, false
}

var (
	accountWords = words(`\b(account|workspace|all models|global|per[ -](user|key|account)|(your|this|the|api) key|key over|(user|key|account|concurrency)[ _-]limit)\b`)
	oneModel     = words(`\b(for|on|of|to) (the |this )?(model|deployment|\W?[a-z]+[\w./]*-[\w.:/-]+)|\bmodel[ :=]`)
)

// judgeLimit tells a rate limit from credit that is used up.
func (b *Body) judgeLimit() Verdict {
	if b.hasCode(NoCredit) {
		return verdict(NoCredit)
	}
	if !b.waits && creditWords.in(b.words) {
		v := verdict(NoCredit)
		v.Model = true // a gateway with credit of its own for each model says the same
		return v
	}
	v := verdict(RateLimited)
	v.Account = accountWords.in(b.words) && !oneModel.in(b.words)
	return v
}

// judgeWords goes by codes and words.
func (b *Body) judgeWords(status int) (Verdict, bool) {
	m := b.class()
	if m == "" {
		return Verdict{}, false
	}
	v := verdict(m)
	switch m {
	case RateLimited:
		return b.judgeLimit(), true
	case NoModel:
		v.Certain = true
	case Rejected:
		// An account without access to one model may have it to others.
		v.Model = status == http.StatusForbidden && !keyWords.in(b.words)
	}
	return v, true
}

// judgeRest goes by the other statuses.
func (b *Body) judgeRest(status int) Verdict {
	switch {
	case status == http.StatusPaymentRequired:
		return verdict(NoCredit)
	case slices.Contains(passingStatus, status), status == 0 && !b.Page:
		return verdict(Passing)
	case status >= 300 && status < 400, status == http.StatusMethodNotAllowed:
		return verdict(WrongPath)
	case b.Page, status == http.StatusProxyAuthRequired:
		return verdict(WebPage)
	case status == http.StatusRequestEntityTooLarge, status == http.StatusUnavailableForLegalReasons:
		return verdict(Query)
	}
	return verdict(Unknown)
}

// codes are the services' words for an error, without marks, by what they mean.
var codes = func() map[string]Meaning {
	byMeaning := map[Meaning]string{
		NoCredit: `insufficientquota insufficientuserquota billinghardlimitreached insufficientbalance insufficientcredits
			insufficientfunds creditbalancetoolow billingnotactive paymentrequired paymentrequirederror outofcredits arrearage
			budgetexceeded quotaexhausted accountoverdue overduebalance billingerror`,
		Rejected: `invalidapikey apikeyinvalid authenticationerror autherror invalidauthentication authenticationfailed
			unauthorized unauthenticated accountdeactivated nodbconnection invalidtoken tokenexpired expiredkey keyexpired
			accessterminated accessterminatederror missingapikey incorrectapikey permissionerror permissiondenied accessdenied
			invalidsubscriptionkey apikeyblocked apikeyservicedisabled apikeyexpired apikeynotvalid accountsuspended
			unsupportedcountryregionterritory tokennotfound invalidcredentials`,
		RateLimited: `ratelimitexceeded ratelimiterror ratelimited ratelimitreached toomanyrequests throttling throttlingerror
			throttlingexception throttled throttlingratequota throttlingallocationquota resourceexhausted requestlimitexceeded
			tokenlimitexceeded limitrequests limitburstrate concurrencylimit`,
		Query: `contextlengthexceeded exceedcontextsizeerror stringabovemaxlength maxtokensexceeded contentfilter
			contentfiltered contentpolicyviolation contentpolicyviolationerror invalidprompt datainspectionfailed
			prompttoolong inputtoolong requesttoolarge contextwindowexceeded moderationblocked moderation contentmoderation
			contentblocked safety promptblocked guardrailviolation guardrailintervened sensitivecontent inputsensitive
			responsibleaipolicyviolation promptinjection contextoverflow maxcontextlengthexceeded stringtoolong`,
		Parameter: `unsupportedparameter unsupportedvalue unknownparameter unsupportedparams extraforbidden invalidparameter`,
		NoModel: `modelnotfound modelnotexist modelnotfounderror deploymentnotfound invalidmodel unknownmodel modelnotavailable
			nosuchmodel modelnotsupported modeldecommissioned modelnotopen invalidendpointormodelnotfound modeldeprecated
			unsupportedmodel modelunavailable`,
		Passing: `overloaded overloadederror servererror serviceunavailable serviceunavailableerror capacityexceeded modelloading
			timeout internalerror internalservererror unavailable deadlineexceeded aborted enginenotready modelnotready
			apierror serverbusy serveroverloaded`,
	}
	all := map[string]Meaning{}
	for m, list := range byMeaning {
		for _, code := range strings.Fields(list) {
			all[code] = m
		}
	}
	return all
}()

func (b *Body) hasCode(m Meaning) bool {
	return slices.ContainsFunc(b.codes, func(code string) bool { return codes[code] == m })
}

var (
	creditWords = words(`(insufficient|not enough|no|low|lacks?|without|negative|out of|used all( available)?|exhausted|depleted)( your| the| any| account| remaining| available| prepaid)*[ _-](balance|credits?|funds|quota)\b` +
		`|(balance|credits?|funds|free tier)[^.]{0,30}(too low|insufficient|exhausted|depleted|used up|exceeded|not enough|negative|run out|ran out)` +
		`|\bquota (is |was |has been )?(not enough|insufficient|exhausted|depleted|used up)|payment method|\bkey limit exceeded|monthly[^.]{0,30}\b(limit|quota|cap)\b|余额不足|余额已用尽|额度不足|额度已用尽|欠费|充值|exceeded your current quota|exceeded (the |your )?(monthly|spending|billing)|spending limit|billing[^.]{0,40}(limit|not active|inactive|disabled|past due|required|details)` +
		`|payment required|budget[^.]{0,30}exceeded|exceeded[^.]{0,20}budget|in arrears|overdue|purchase (more|additional) |\btop[ -]?up\b`)
	keyWords = words(`\b(api|access|auth\w*|secret|security|subscription|bearer|virtual|master)[ _-]?(key|token|credential)s?\b[^.]{0,60}\b(invalid|incorrect|not valid|wrong|expired|revoked|disabled|missing|required|not found|unknown|malformed|deleted|leaked|blocked|suspended|unauthori[sz]ed|inactive|not (provided|supplied|recogni[sz]ed|authori[sz]ed|active|exist))\b` +
		`|\b(invalid|incorrect|wrong|expired|revoked|missing|bad|unknown|unauthori[sz]ed|malformed|inactive|no|provide( an?)?( valid)?|need an?|without( an?)?)( or \w+)?( proxy server| proxy| x)?[ _-](api|access|auth\w*|secret|subscription|bearer|virtual|authentication)[ _-]?(key|token|credential|header)s?\b` +
		`|\b(invalid|wrong|bad|missing) (credentials?|authori[sz]ation|authentication|signature)\b|\b(key|token) (is |has )?(been )?(invalid|expired|revoked|disabled|suspended)\b|\binvalid (proxy server )?token\b` +
		`|\b(authentication|authorization) (failed|error|required|fails)\b|\bunauthori[sz]ed\b|\bunauthenticated\b|\bnot authenticated\b|\b(account|organi[sz]ation|team|project)\b[^.]{0,30}\b(deactivated|suspended|disabled|terminated|banned|blocked|not active)\b|\bno connected db\b|(无效|错误|过期)的?(令牌|密钥)|(令牌|密钥|api ?key) ?(无效|错误|已?过期|不存在|已禁用)|未授权`)
	accessWords = words(`permission[ _]denied|access (is |was )?(denied|forbidden|not allowed|restricted|terminated)|(not|don't|doesn't|do not|does not) have (access|permission)|lacks? (access|permission)|not (authori[sz]ed|permitted|entitled|allowed) (to|for) (access|use|call|view|perform|this (model|resource)|the model)|(country|region|location|territory)[^.]{0,20} (is |are )?not (supported|available|allowed)|insufficient permissions?|no access to|requires? (an? )?(subscription|paid|verification)|must be verified`)
	limitWords  = words(`rate[ _-]?limit|too many (concurrent )?requests|slow(ing)? down|throttl|(requests|tokens)( limit)? per (second|min|minute|hour|day)|concurren(t|cy)[^.]{0,30}(limit|exceeded|too (many|high))|\bquota (is |was |has been )?exceeded|exceeded[^.]{0,20}\bquota|频率|限流|速率限制|请求过多|并发|too frequent|too high[^.]{0,10}frequency|request limit`)
	// lengthWords speak of a prompt that is too long.
	lengthWords = words(`context[ _-]?(length|size|window|limit)|\b(prompt|input|inputs|message|messages|content|text|request|sequence|query|question)\b[^.]{0,60}\b(too (long|large|big|many tokens)|exceeds?|exceeded|exceeding|longer than|larger than|more than|over the|at most|must be (<=|less|at most|shorter|under)|above)\b` +
		`|\b(too|so) many (input |prompt )?tokens\b|\b(maximum|max)[ _-]?(number of )?(input|prompt|sequence|context|content|message)[ _-]?(token|length|size)|reduce (the|your) (length|size|prompt|input|number of)|tokens?\b[^.]{0,60}\b(exceeds?|exceeded|more than|at most|maximum|limit of|over the)\b|prompt is too|input is too`)
	// contentWords speak of a prompt that is not liked, or cannot be read.
	contentWords = words(`flagged|moderat|content[ _-]?(filter|management|polic|restriction|violation|safety)|filtered|guard[ _-]?rail|inappropriate|\b(un)?safety\b|unsafe|harmful|violat|sensitive|prohibited|usage polic|acceptable use|terms of (use|service)|responsible ai|risk (control|detected)|data[ _]?inspection|not comply|(prompt|request|input|content|message)s? (was|were|has been|is|been) (blocked|rejected|refused|denied)|blocked (by|due|because)|jailbreak|injection|invalid (prompt|unicode|utf|surrogate|character|escape|content)|could not (decode|be decoded|parse)|(invalid|malformed|lone) surrogate|not valid utf|illegal content|high risk|敏感|违规|不安全|不当内容`)
	// parameterWords speak of what every query is sent with.
	parameterNames = `(max_tokens|max_completion_tokens|max_new_tokens|max_output_tokens|temperature|top_p|top_k|reasoning_effort|reasoning|stream|stream_options|presence_penalty|frequency_penalty|response_format|seed|stop|logprobs|n)`
	parameterWords = words(`(unsupported|unknown|unrecogni[sz]ed|unexpected|unpermitted|disallowed|invalid|extra|additional)[ _](request |keyword |body |input )*(parameter|argument|value|field|param|inputs?|properties|property|name|key)s?\b` +
		`|\b(parameter|argument|field|param|property)\b[^.]{0,60}(not (supported|permitted|allowed|recogni[sz]ed|valid)|unsupported|unknown|invalid|deprecated)|extra (inputs|fields)( are)? not permitted` +
		`|\b` + parameterNames + `\b[^.]{0,60}(not support|unsupported|not allowed|not permitted|must be|should be|out of range|too (large|small|high|low)|invalid|deprecated|greater than|less than|between|exceeds|only|cannot)` +
		`|(not support|unsupported|invalid)[^.]{0,30}\b` + parameterNames + `\b`)
	modelWords   = words(`\b(unknown|invalid|no such|nonexistent|unrecogni[sz]ed|unsupported|undefined|missing) (model|deployment|engine)\b|\bnot a valid (model|deployment)|\bmodel[^.]{0,40}not support[^.]{0,20}\bchat\b|\b(model|deployment|engine)s?\b[^.]{0,120}?(not found|(does|do|did)(n't| not) exist|not exist|unknown|not available|unavailable|not (currently |yet )?(supported|loaded|deployed|served|enabled)|not (a )?valid|not recogni[sz]ed|no longer|deprecated|decommissioned|retired|removed|shut ?down)|no endpoints? found|no (healthy )?deployments? (found|for)`)
	passingWords = words(`overload|try (again|later)|retry (later|again)|temporar(y|ily)|(is|still|currently|being) (loading|starting|warming)|loading model|(at|over|exceeds?|no|out of|insufficient) capacity|capacity exceeded|(server|service|system|engine|model) (is )?(busy|unavailable|down|not ready|overloaded)|timed out|time-?out|starting up|warming up|cold start|internal (server )?error|engine (died|dead|crash)|connection (reset|refused|error|aborted|closed)|\bconnect error\b|not ready|繁忙|稍后|负载|过载`)
)

// class says what the codes, else the words, of a body mean; "" where they say
// nothing.
func (b *Body) class() Meaning {
	for _, m := range []Meaning{NoCredit, Query, Rejected, RateLimited, Parameter, NoModel} {
		if b.hasCode(m) && !(m == Parameter && contextWords.in(b.words)) && !(m == RateLimited && largeWords.in(b.words)) {
			return m
		}
	}
	for _, c := range []struct {
		words  pattern
		m      Meaning
		ofPage bool // a page may say so to whoever asks, as firewalls do
	}{
		{words: largeWords, m: Query}, {words: creditWords, m: NoCredit}, {words: limitWords, m: RateLimited}, {words: keyWords, m: Rejected}, {words: contentWords, m: Query},
		{words: contextWords, m: Query}, {words: parameterWords, m: Parameter}, {words: modelWords, m: NoModel}, {words: lengthWords, m: Query},
		{words: accessWords, m: Rejected, ofPage: true}, {words: passingWords, m: Passing},
	} {
		if !(b.Page && c.ofPage) && c.words.in(b.words) {
			return c.m
		}
	}
	if b.hasCode(Passing) {
		return Passing
	}
	return ""
}

// Known reports whether codes or words of the body say what went wrong.
func (b *Body) Known() bool { return b.class() != "" }

// largeWords speak of a prompt that alone is more than a limit of the rate.
var largeWords = words(`\b(request|payload|(request )?entity) too large`)

// contextWords are those of lengthWords that no parameter can mean.
var contextWords = words(`context[ _-]?(length|size|window|limit)|\b(input|prompt|sequence|message)s?[ _-]?(length|size)|\b(prompt|inputs?|messages?)\b[^.]{0,60}\b(too (long|large)|tokens|exceeds?|longer|at most)\b|reduce (the|your) (length|prompt|input)`)

// WantsCompletionTokens reports whether a refusal says that max_tokens is to be
// sent as max_completion_tokens.
func (b *Body) WantsCompletionTokens() bool {
	return strings.Contains(b.words, "max_completion_tokens") && strings.Contains(b.words, "max_tokens") && completionTokens.in(b.words)
}

var completionTokens = words(`max_tokens\W[^.]{0,80}(unsupported|not (supported|compatible|allowed|permitted|available)|deprecated|replaced)|(unsupported|unknown|unrecogni[sz]ed|invalid|deprecated)[^.]{0,40}max_tokens\b|use \W?max_completion_tokens`)

// Hint says what may help where an address was not found: a base URL without
// its version.
func Hint(status int, path string) string {
	if status != http.StatusNotFound && status != http.StatusMethodNotAllowed || version.in(path) {
		return ""
	}
	return `does the base URL lack "/v1"? `
}

var version = words(`/(v\d+\w*|openai|deployments)(/|$)`)

// number reads a count of a header, 0 where there is none.
func number(text string) int {
	if text == "" {
		return 0 // as a rule; an error costs more
	}
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// FellBack reports whether a gateway says in an answer's header that another
// model answered than the one that was asked for.
func FellBack(h http.Header) bool {
	return number(h.Get("X-Litellm-Attempted-Fallbacks")) > 0 || number(h.Get("Cf-Aig-Step")) > 0
}
