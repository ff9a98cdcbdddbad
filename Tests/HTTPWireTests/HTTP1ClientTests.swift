import HTTPWire
import Testing

/// Every state of a client's connection, with everything that can happen in it.
@Suite struct HTTP1ClientTests {
    enum Situation: String, CaseIterable, Codable {
        case fresh, headUnsent, headSent, bodyUnsent, bodySent, doneUnsent, doneSent, doneClosing, failed, switched
        case closed
    }

    enum Event: String, CaseIterable, Codable {
        case begin, requestSent, readNothing, readBytes, inputEnded
    }

    static func client(in situation: Situation) -> HTTP1Client {
        var client = HTTP1Client(limits: HeadLimits())
        if situation == .fresh { return client }
        client.begin(.get, asksForUpgrade: situation == .switched)
        if ![.headUnsent, .bodyUnsent, .doneUnsent].contains(situation) { client.requestSent() }
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
        switch situation {
        case .fresh, .headUnsent, .headSent: break
        case .bodyUnsent, .bodySent: _ = self.readAll(&client, head + "\r\nab")
        case .doneUnsent, .doneSent: _ = self.readAll(&client, head + "\r\nabcde")
        case .doneClosing: _ = self.readAll(&client, head + "Connection: close\r\n\r\nabcde")
        case .failed: _ = self.readAll(&client, "x")
        case .switched: _ = self.read(&client, "HTTP/1.1 101 S\r\nUpgrade: websocket\r\n\r\n")
        case .closed: _ = client.inputEnded()
        }
        return client
    }

    static func read(_ client: inout HTTP1Client, _ text: String) -> (input: HTTP1Client.Input, used: Int) {
        var head = ResponseHead()
        return withExactCopy(Array(text.utf8)[...]) { client.read($0, into: &head) }
    }

    /// Reads until `.needMore`; returns what came.
    static func readAll(_ client: inout HTTP1Client, _ text: String) -> [HTTP1Client.Input] {
        var rest = text
        var inputs: [HTTP1Client.Input] = []
        while true {
            let (input, used) = self.read(&client, rest)
            rest = String(decoding: rest.utf8.dropFirst(used), as: UTF8.self)
            if input == .needMore { return inputs }
            inputs.append(input)
        }
    }

    static func outcome(of event: Event, in situation: Situation) -> String {
        var client = self.client(in: situation)
        switch event {
        case .begin:
            client.begin(.head)
            return "ok"
        case .requestSent:
            client.requestSent()
            return "ok"
        case .readNothing: return self.short(self.read(&client, ""))
        case .readBytes: return self.short(self.read(&client, "HTTP"))
        case .inputEnded: return "\(client.inputEnded())"
        }
    }

    private static func short(_ result: (input: HTTP1Client.Input, used: Int)) -> String {
        switch result.input {
        case .payload(let range): "payload \(range.count) \(result.used)"
        case .failed(let failure): "failed \(failure.reason.rawValue == WireFailure.Reason.responseUnasked.rawValue)"
        default: "\(result.input) \(result.used)"
        }
    }

    /// A situation and an event that are not here are illegal. `failed true`: bytes that nobody asked for.
    static let legal: [Situation: [Event: String]] = [
        .fresh: [.begin: "ok", .readNothing: "needMore 0", .readBytes: "failed true", .inputEnded: "idle"],
        .headUnsent: [.requestSent: "ok", .readNothing: "needMore 0", .readBytes: "needMore 0", .inputEnded: "cut"],
        .headSent: [.readNothing: "needMore 0", .readBytes: "needMore 0", .inputEnded: "cut"],
        .bodyUnsent: [.requestSent: "ok", .readNothing: "needMore 0", .readBytes: "payload 3 3", .inputEnded: "cut"],
        .bodySent: [.readNothing: "needMore 0", .readBytes: "payload 3 3", .inputEnded: "cut"],
        .doneUnsent: [
            .requestSent: "ok", .readNothing: "needMore 0", .readBytes: "failed true", .inputEnded: "idle",
        ],
        .doneSent: [.begin: "ok", .readNothing: "needMore 0", .readBytes: "failed true", .inputEnded: "idle"],
        .doneClosing: [.readNothing: "needMore 0", .readBytes: "failed true", .inputEnded: "idle"],
        .failed: [.readNothing: "needMore 0", .readBytes: "needMore 4", .inputEnded: "cut"],
        .switched: [:],
        .closed: [.readNothing: "needMore 0"],
    ]

    @Test(arguments: Situation.allCases)
    func event_legal_hasItsOutcome(situation: Situation) {
        for (event, expected) in Self.legal[situation]! {
            #expect(Self.outcome(of: event, in: situation) == expected, "\(situation) \(event)")
        }
    }

    @Test(arguments: Situation.allCases)
    func event_illegal_traps(situation: Situation) async {
        for event in Event.allCases where Self.legal[situation]![event] == nil {
            await #expect(processExitsWith: .failure, "\(situation) \(event)") { [situation, event = event as Event] in
                _ = Self.outcome(of: event, in: situation)
            }
        }
    }

    @Test func facts_inEachSituation_areTrue() {
        for situation in Situation.allCases {
            let client = Self.client(in: situation)
            #expect(client.canReuse == [.fresh, .doneSent].contains(situation))
            #expect(client.isResponseComplete == [.doneUnsent, .doneSent, .doneClosing].contains(situation))
            let silent: [Situation] = [.fresh, .headUnsent, .headSent, .closed]
            #expect(client.hasResponseBegun == !silent.contains(situation))
        }
    }

    @Test func canReuse_responseBeforeTheRequestsEnd_waitsForIt() {
        var client = Self.client(in: .doneUnsent)
        #expect(!client.canReuse)
        client.requestSent()
        #expect(client.canReuse)
    }

    @Test func read_strayBytes_makeTheConnectionUnusable() {
        var client = Self.client(in: .headSent)
        let inputs = Self.readAll(&client, "HTTP/1.1 204 No Content\r\n\r\nx")
        #expect(inputs == [.head, .end, .failed(WireFailure(.responseUnasked, from: .worker))])
        #expect(!client.canReuse && client.isResponseComplete)
    }

    @Test func read_interimResponses_areToldAndBounded() {
        var client = Self.client(in: .headSent)
        let early = "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"
        let final = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        let most = String(repeating: early, count: 16)
        let expected = Array(repeating: HTTP1Client.Input.interim, count: 16)
        #expect(Self.readAll(&client, most + final) == expected + [.head, .end])
        client.begin(.get)
        let failure = WireFailure(.interimTooMany, from: .worker)
        #expect(Self.readAll(&client, most + early + final) == expected + [.failed(failure)])
    }

    @Test func read_switching_needsToBeAskedFor() {
        let raw = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
        var asking = HTTP1Client(limits: HeadLimits())
        asking.begin(.get, asksForUpgrade: true)
        #expect(Self.read(&asking, raw + "\u{81}") == (.switching, raw.utf8.count))
        #expect(!asking.canReuse)
        var other = Self.client(in: .headSent)
        #expect(Self.readAll(&other, raw) == [.failed(WireFailure(.upgradeUnasked, from: .worker))])
    }

    /// WebSocket alone is asked for: whoever switches to something else, or does not say to what, is not understood.
    @Test(arguments: ["Upgrade: h2c\r\n", "Upgrade: websocket, h2c\r\n", "Upgrade: websocket\r\nUpgrade: h2c\r\n", ""])
    func read_switchingToSomethingElse_fails(field: String) {
        var client = HTTP1Client(limits: HeadLimits())
        client.begin(.get, asksForUpgrade: true)
        let raw = "HTTP/1.1 101 Switching Protocols\r\n\(field)\r\n"
        #expect(Self.read(&client, raw).input == .failed(WireFailure(.upgradeUnasked, from: .worker)))
    }

    @Test(
        arguments: [
            (.get, "HTTP/1.1 200 OK\r\n\r\nabc", .complete), (.get, "HTTP/1.1 200 OK\r\n\r\n", .complete),
            (.head, "HTTP/1.1 200 OK\r\n\r\n", .idle), (.get, "HTTP/1.1 200 OK\r\n", .cut),
            (.get, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", .cut),
            (.get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", .cut),
            (.get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", .idle),
            (.get, "HTTP/1.1 100 Continue\r\n\r\n", .cut),
        ] as [(Method, String, HTTP1Client.InputEnd)]
    )
    func inputEnded_afterSomeBytes_tellsWholeFromCut(method: Method, raw: String, end: HTTP1Client.InputEnd) {
        var client = HTTP1Client(limits: HeadLimits())
        client.begin(method)
        client.requestSent()
        _ = Self.readAll(&client, raw)
        #expect(client.inputEnded() == end)
        #expect(client.isResponseComplete == (end != .cut))
        #expect(!client.canReuse)
    }
}
