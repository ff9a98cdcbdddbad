/// What a parser made of the bytes so far.
public enum ParseStep: Equatable, Sendable {
    /// The head is filled in; its `byteCount` bytes are used up.
    case complete
    /// Nothing is used up: offer the same bytes again, with more behind them.
    case incomplete
    /// The connection cannot be understood any further: respond with the failure's status and close.
    case failed(WireFailure)
}
