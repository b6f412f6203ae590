//! The rules that signals and decisions are derived by.

macro_rules! rules {
    ($($variant:ident $name:literal),* $(,)?) => {
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Rule { $($variant),* }

        impl Rule {
            pub const COUNT: usize = [$(Rule::$variant),*].len();

            pub fn named(name: &str) -> Option<Rule> {
                match name { $($name => Some(Rule::$variant),)* _ => None }
            }
        }
    };
}

rules! {
    FirstAttempt "tool.first_attempt", AfterRetry "tool.after_retry", FallbackUsed "tool.fallback_used",
    Timeout "tool.timeout", InvalidInput "tool.invalid_input", Unavailable "tool.unavailable",
    RateLimited "tool.rate_limited", AuthenticationFailed "tool.authentication_failed",
    NoResults "retrieve.no_results", SingleRetry "retry.single", MultipleRetries "retry.multiple",
    MaxReached "retry.max_reached", LatencyExceeded "latency.exceeded",
    LatencyFarExceeded "latency.significantly_exceeded", TokensModerate "tokens.moderate",
    TokensHigh "tokens.high", TokensLimit "tokens.limit_approached", RetryRateLimit "retry.rate_limit",
    RetryTransient "retry.transient", RetryExhausted "retry.exhausted", Streaming "response.streaming",
    Format "response.format", Length "response.length", Rerank "retrieve.rerank", Parallel "path.parallel",
    Fallback "path.fallback", Denied "approval.denied", Allowed "approval.allowed",
}
