import EventLoop

/// What stands in the shared state of the keys for session tickets, and when that was.
public struct TicketRecord: Equatable, Sendable {
    /// Sealed by a gateway; nil when there is nothing.
    public var sealed: [UInt8]?
    /// The time of the shared state, in microseconds since 1970.
    public var atMicros: Int64

    public init(sealed: [UInt8]?, atMicros: Int64) {
        self.sealed = sealed
        self.atMicros = atMicros
    }
}

/// Where gateways leave each other the keys of their TLS session tickets. What is kept was sealed before: nobody here
/// can read it. Methods are called on the loop; completions run on it, once, never before the call has returned.
public protocol TicketStore: AnyObject {
    func load(completion: @escaping StoreCompletion<TicketRecord>)

    /// Puts `sealed` in place of `expected`, to be kept for `keptMillis`, and answers with it; when something else stood
    /// there meanwhile, that stays and is the answer. So of two gateways that renew the keys at once, one does.
    func replace(
        expected: [UInt8]?,
        with sealed: [UInt8],
        keptMillis: Int64,
        completion: @escaping StoreCompletion<TicketRecord>
    )
}
