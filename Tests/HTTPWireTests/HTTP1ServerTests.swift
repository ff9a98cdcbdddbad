import HTTPWire
import Primitives
import Testing

/// Every state of a server's connection, with everything that can happen in it.
@Suite struct HTTP1ServerTests {
    enum Situation: String, CaseIterable, Codable {
        case fresh, headPartial, bodyOwed, bodyUnderway, completeOwed, completeUnderway, discarding
        case failedOwed, failedUnderway, switched, closing
    }

    enum Event: String, CaseIterable, Codable {
        case readNothing, readText, stopReading, continueWritten, begin, end, switchProtocols, setLimits
    }

    static func server(in situation: Situation) -> HTTP1Server {
        var server = HTTP1Server(limits: HeadLimits(), maxBodyBytes: 1_000_000)
        let post = request("Content-Length: 10", method: "POST")
        switch situation {
        case .fresh: break
        case .headPartial: _ = self.read(&server, "GET / HT")
        case .bodyOwed: _ = self.read(&server, post)
        case .bodyUnderway:
            _ = self.read(&server, post)
            _ = server.beginResponse(.length(0), staysOpen: true)
        case .completeOwed: _ = self.readAll(&server, request())
        case .completeUnderway:
            _ = self.readAll(&server, request())
            _ = server.beginResponse(.length(0), staysOpen: true)
        case .discarding:
            server = self.server(in: .bodyUnderway)
            _ = server.endResponse()
        case .failedOwed: _ = self.read(&server, " ")
        case .failedUnderway:
            _ = self.read(&server, " ")
            _ = server.beginResponse(.length(0), staysOpen: true)
        case .switched:
            server = self.server(in: .completeOwed)
            server.switchProtocols()
        case .closing:
            server = self.server(in: .completeOwed)
            _ = server.beginResponse(.length(0), staysOpen: false)
            _ = server.endResponse()
        }
        return server
    }

    /// One call of `read`, on a fresh head.
    static func read(_ server: inout HTTP1Server, _ text: String) -> (input: HTTP1Server.Input, used: Int) {
        var head = RequestHead()
        return withExactCopy(Array(text.utf8)[...]) { server.read($0, into: &head) }
    }

    /// Reads until `.needMore`; returns what is left unused.
    static func readAll(_ server: inout HTTP1Server, _ text: String) -> String {
        var rest = text
        while true {
            let (input, used) = self.read(&server, rest)
            rest = String(decoding: rest.utf8.dropFirst(used), as: UTF8.self)
            if input == .needMore { return rest }
        }
    }

    /// What the event comes to, in words; traps where that is illegal.
    static func outcome(of event: Event, in situation: Situation) -> String {
        var server = self.server(in: situation)
        switch event {
        case .readNothing: return self.short(self.read(&server, ""))
        case .readText: return self.short(self.read(&server, "POST /"))
        case .stopReading:
            server.stopReading()
            return server.owesResponse ? "owes" : "ok"
        case .continueWritten:
            server.continueWritten()
            return "ok"
        case .begin:
            let plan = server.beginResponse(.length(3), staysOpen: true)
            return "\(plan.framing) \(plan.announcesClose ? "closes" : "stays")"
        case .end: return "\(server.endResponse())"
        case .switchProtocols:
            server.switchProtocols()
            return "ok"
        case .setLimits:
            server.limits = HeadLimits(maxHeadBytes: 1_000)
            server.maxBodyBytes = 5
            return "ok"
        }
    }

    private static func short(_ result: (input: HTTP1Server.Input, used: Int)) -> String {
        guard case .payload(let range) = result.input else {
            return result.input == .needMore ? "needMore \(result.used)" : "\(result)"
        }
        return "payload \(range.count) \(result.used)"
    }

    /// A situation and an event that are not here are illegal.
    static let legal: [Situation: [Event: String]] = [
        .fresh: [
            .readNothing: "needMore 0", .readText: "needMore 0", .setLimits: "ok",
        ],
        .headPartial: [.readNothing: "needMore 0", .readText: "needMore 0", .stopReading: "owes"],
        .bodyOwed: [
            .readNothing: "needMore 0", .readText: "payload 6 6", .stopReading: "owes", .continueWritten: "ok",
            .begin: "length(3) stays",
        ],
        .bodyUnderway: [
            .readNothing: "needMore 0", .readText: "payload 6 6", .stopReading: "ok", .end: "discardRequest",
        ],
        .completeOwed: [
            .readNothing: "needMore 0", .readText: "needMore 0",
            .continueWritten: "ok", .begin: "length(3) stays", .switchProtocols: "ok",
        ],
        .completeUnderway: [
            .readNothing: "needMore 0", .readText: "needMore 0", .end: "readOn",
        ],
        .discarding: [.readNothing: "needMore 0", .readText: "needMore 6"],
        .failedOwed: [
            .readNothing: "needMore 0", .readText: "needMore 6",
            .begin: "length(3) closes",
        ],
        .failedUnderway: [
            .readNothing: "needMore 0", .readText: "needMore 6", .end: "close",
        ],
        .switched: [:],
        .closing: [.readNothing: "needMore 0", .readText: "needMore 6"],
    ]

    @Test(arguments: Situation.allCases)
    func event_legal_hasItsOutcome(situation: Situation) {
        for (event, expected) in Self.legal[situation]! {
            let outcome = Self.outcome(of: event, in: situation)
            #expect(outcome == expected, "\(situation) \(event)")
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
            let server = Self.server(in: situation)
            #expect(server.isBetweenRequests == (situation == .fresh))
            #expect(server.isHeadPartial == (situation == .headPartial))
            #expect(server.isRequestComplete == [.completeOwed, .completeUnderway].contains(situation))
            #expect(server.owesResponse == [.bodyOwed, .completeOwed, .failedOwed].contains(situation))
        }
    }

    @Test(arguments: [Situation.headPartial, .bodyOwed, .bodyUnderway])
    func stopReading_requestUnderway_makesTheResponseTheLast(situation: Situation) {
        var server = Self.server(in: situation)
        server.stopReading()
        #expect(Self.read(&server, "the rest") == (.needMore, 8))
        if server.owesResponse {
            #expect(server.beginResponse(.length(0), staysOpen: true).announcesClose)
        }
        #expect(server.endResponse() == .close)
    }

    @Test func read_pipelinedRequests_waitForTheResponse() {
        var server = Self.server(in: .fresh)
        let second = request("A: b")
        let rest = Self.readAll(&server, request() + second)
        #expect(rest == second)
        #expect(Self.readAll(&server, rest) == second)
        _ = server.beginResponse(.length(0), staysOpen: true)
        #expect(Self.readAll(&server, rest) == second)
        #expect(server.endResponse() == .readOn)
        #expect(Self.readAll(&server, rest) == "")
        #expect(server.isRequestComplete)
    }

    @Test func endResponse_beforeTheBodylessRequestsEnd_readsOn() {
        var server = Self.server(in: .fresh)
        #expect(Self.read(&server, request()).input == .head)
        #expect(server.isRequestComplete)
        _ = server.beginResponse(.length(0), staysOpen: true)
        #expect(server.endResponse() == .readOn)
        #expect(Self.read(&server, request()).input == .head)
    }

    /// What is left of a body decides whether the connection outlives an early response.
    @Test(
        arguments: [
            ("Content-Length: 65536", "", .discardRequest), ("Content-Length: 65537", "", .close),
            ("Content-Length: 65537", "x", .discardRequest), ("Content-Length: 0", "", .readOn),
            ("Transfer-Encoding: chunked", "", .discardRequest),
            ("Transfer-Encoding: chunked", "5\r\nab", .discardRequest),
            ("Transfer-Encoding: chunked", "0\r\n\r\n", .readOn),
        ] as [(String, String, AfterResponse)]
    )
    func endResponse_withBodyLeft_dependsOnItsSize(field: String, sent: String, after: AfterResponse) {
        var server = Self.server(in: .fresh)
        #expect(Self.readAll(&server, request(field, method: "POST") + sent) == "")
        #expect(server.canDiscardRest == (after != .close))
        #expect(!server.beginResponse(.length(0), staysOpen: true).announcesClose)
        #expect(server.endResponse() == after)
    }

    @Test func discarding_upToItsBudget_goesOnWithTheNextRequest() {
        var server = Self.server(in: .fresh)
        _ = Self.readAll(&server, request("Transfer-Encoding: chunked", method: "POST"))
        _ = server.beginResponse(.length(0), staysOpen: true)
        #expect(server.endResponse() == .discardRequest)
        #expect(Self.read(&server, "5\r\nabcde\r\n") == (.needMore, 10))
        #expect(!server.isBetweenRequests)
        #expect(Self.read(&server, "0\r\n\r\nGET") == (.end, 5))
        #expect(server.isBetweenRequests)
        #expect(Self.read(&server, request()).input == .head)
    }

    @Test(arguments: [1, 1_000, 70_000]) func discarding_beyondItsBudget_fails(pieceBytes: Int) {
        // Beside its payload such a body has 13 bytes.
        for (payload, isInTime) in [(65_523, true), (65_524, false)] {
            var server = Self.server(in: .fresh)
            _ = Self.readAll(&server, request("Transfer-Encoding: chunked", method: "POST"))
            _ = server.beginResponse(.length(0), staysOpen: true)
            _ = server.endResponse()
            let wire = "\(String(payload, radix: 16))\r\n" + String(repeating: "x", count: payload)
            var bytes = Array((wire + "\r\n0\r\n\r\n").utf8)[...]
            #expect(bytes.count == payload + 13)
            var last = HTTP1Server.Input.needMore
            var head = RequestHead()
            while last == .needMore, !bytes.isEmpty {
                let (input, used) = withExactCopy(bytes.prefix(pieceBytes)) { server.read($0, into: &head) }
                last = input
                bytes = bytes.dropFirst(used)
            }
            #expect(last == (isInTime ? .end : .failed(WireFailure(.payloadTooLarge, from: .client))))
            #expect(!server.owesResponse)
        }
    }

    @Test func read_malformedBody_leavesOnlyAnErrorResponse() {
        var server = Self.server(in: .fresh)
        _ = Self.readAll(&server, request("Transfer-Encoding: chunked", method: "HEAD"))
        #expect(Self.read(&server, "z") == (.failed(WireFailure(.chunkSizeInvalid, from: .client)), 1))
        #expect(Self.read(&server, "0\r\n\r\n") == (.needMore, 5))
        let plan = server.beginResponse(.length(9), staysOpen: true)
        #expect(plan.announcesClose && !plan.sendsBody)
        #expect(server.endResponse() == .close)
    }

    @Test func read_bodyAboveTheLimit_failsBeforeItComes() {
        var server = Self.server(in: .fresh)
        server.maxBodyBytes = 5
        #expect(Self.read(&server, request("Content-Length: 6", method: "POST")).input == .head)
        #expect(Self.read(&server, "") == (.failed(WireFailure(.payloadTooLarge, from: .client)), 0))
    }

    @Test func read_emptyLinesBetweenRequests_leaveTheConnectionIdle() {
        var server = Self.server(in: .fresh)
        #expect(Self.read(&server, "\r\n") == (.needMore, 2))
        #expect(Self.read(&server, "\r") == (.needMore, 0))
        #expect(Self.read(&server, "\r\n") == (.needMore, 2))
        #expect(server.isBetweenRequests)
        #expect(Self.read(&server, request()).input == .head)
        server = Self.server(in: .fresh)
        #expect(Self.read(&server, "\r\n\r\n") == (.needMore, 4))
        #expect(Self.read(&server, "\r").input == .failed(WireFailure(.methodInvalid, from: .client)))
    }
}
