/// What becomes of an operator's wish that one worker goes.
public enum Retirement: Equatable, Sendable {
    /// It drains, and another one is started when the pool needs it.
    case drains
    /// It was on its way out already.
    case drainsAlready
    /// Another controller leads.
    case standsBy
    /// This one has just begun to lead, and does not know yet which workers there are.
    case tooEarly
    /// Nobody here can have this pool's workers go one by one, and why.
    case impossible(String)
    /// That one cannot be told to go, and why.
    case notThatOne(String)
    /// There is no such worker; there are these.
    case unknown([String])
}
