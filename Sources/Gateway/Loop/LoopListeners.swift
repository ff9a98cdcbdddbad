import HTTPWire
import Primitives
import Settings
import Transport

/// What a listener's settings ask of the requests that come by it. All its connections look here, so that a reload changes
/// it for those that are open too. Confined to its loop.
final class ListenerRules {
    /// A whole field line, for responses over TLS; empty when browsers are told nothing.
    private(set) var securityField: [UInt8] = []
    /// The port of TLS that requests are sent to; nil: they are served.
    private(set) var redirectPort: Int?
    /// Without TLS: clients may begin with HTTP/2. With TLS it was agreed on in the handshake.
    private(set) var takesPriorKnowledge = false

    func apply(_ settings: ListenSettings) {
        let seconds = settings.hstsNanoseconds.map { $0 / Nanoseconds.perSecond }
        self.securityField = seconds.map { Array("strict-transport-security: max-age=\($0)\r\n".utf8) } ?? []
        self.redirectPort = settings.redirectPort
        self.takesPriorKnowledge = settings.speaksHTTP2 && settings.tls == nil
    }

    /// What a worker says in its responses and this listener says in its place.
    var replacedFields: FieldSet { self.securityField.isEmpty ? [] : [.strictTransportSecurity] }
}

/// The listeners of one loop, by their places in the settings. Confined to it.
struct LoopListeners {
    private var listeners: [(number: Int, listener: any StreamListener)] = []
    private var rules: [ListenerRules] = []

    /// Settings that a reload takes over have as many listeners as those before.
    mutating func apply(_ settings: [ListenSettings]) {
        for (number, listener) in settings.enumerated() { self.rules(of: number).apply(listener) }
    }

    mutating func rules(of number: Int) -> ListenerRules {
        while self.rules.count <= number { self.rules.append(ListenerRules()) }
        return self.rules[number]
    }

    mutating func add(_ listener: any StreamListener, number: Int) { self.listeners.append((number, listener)) }

    /// New connections begin with `tls`. A listener that this loop does not have, since another one serves its socket, is
    /// passed over.
    func renew(_ tls: TLSContext, number: Int) {
        for one in self.listeners where one.number == number { one.listener.renew(tls) }
    }

    func close() {
        for one in self.listeners { one.listener.close() }
    }
}
