import Addresses
import Primitives
import Testing

@testable import RedisClient

/// What the fleet's state decides, without a server.
@Suite struct FleetValueTests {
    typealias Place = RedisEndpoint.Place

    private static func place(_ port: UInt16) -> Place { .address(.loopback(port: port)) }
    private static let answerer = Place.address(.loopback(port: 7_000))

    // MARK: Slots

    /// The values that Redis itself computes (CLUSTER KEYSLOT).
    @Test(arguments: [
        ("", 0), ("123456789", 12_739), ("foo", 12_182), ("{user1000}.following", 3_443),
        ("{user1000}.followers", 3_443), ("foo{}{bar}", 8_363), ("foo{{bar}}zap", 4_015), ("foo{bar}{zap}", 5_061),
        ("{", 4_092), ("}{a", 12_925),
    ])
    func hashSlot_isThatOfRedis(key: String, slot: Int) {
        #expect(Int(HashSlot.of(key)) == slot, "\(key)")
    }

    @Test func request_slot_isOfItsKey() {
        let script = RedisScript(name: "s", source: [])
        #expect(RedisRequest.words(["GET", "foo"]).slot == 12_182)
        #expect(RedisRequest.words(["HDEL", .bytes(Array("foo".utf8)), "x"]).slot == 12_182)
        #expect(RedisRequest.words(["PING"]).slot == nil)
        #expect(RedisRequest.words(["INFO", "server"]).slot == nil)
        #expect(RedisRequest.script(script, digest: "", keys: ["foo"], arguments: .texts(["x"])).slot == 12_182)
        #expect(RedisRequest.script(script, digest: "", keys: [], arguments: .texts(["x"])).slot == nil)
    }

    // MARK: Refusals

    @Test(arguments: [
        ("MOVED 3999 127.0.0.1:6381", ServerRefusal.moved(slot: 3_999, to: place(6_381))),
        ("MOVED 3999 :6381", .moved(slot: 3_999, to: place(6_381))),
        ("MOVED 3999 ?:6381", .moved(slot: 3_999, to: place(6_381))),
        ("MOVED 3999 ::1:6381", .moved(slot: 3_999, to: .address(.ipv6(0, 1, port: 6_381)))),
        ("MOVED 3999 redis-3.example:6381", .moved(slot: 3_999, to: .name("redis-3.example", port: 6_381))),
        ("ASK 1 127.0.0.1:6381", .ask(slot: 1, at: place(6_381))),
        ("MOVED 16384 127.0.0.1:6381", .final), ("MOVED 1 127.0.0.1:0", .final), ("MOVED 1 127.0.0.1", .final),
        ("MOVED 1", .final), ("MOVED x 127.0.0.1:1", .final), ("MOVED 1 a b:1", .final), ("MOVED 1 -x-:1", .final),
        ("TRYAGAIN Multiple keys request during rehashing of slot", .tryAgain),
        ("CLUSTERDOWN The cluster is down", .notNow), ("LOADING Redis is loading", .notNow),
        ("READONLY You can't write", .notNow), ("MASTERDOWN Link with MASTER is down", .notNow),
        ("NOSCRIPT No matching script", .noScript), ("WRONGTYPE x", .final), ("ERR x", .final), ("", .final),
    ])
    func refusal_isUnderstood(message: String, expected: ServerRefusal) {
        let code = RedisError.code(of: message)
        #expect(ServerRefusal(code: code, message: message, answerer: Self.answerer) == expected)
    }

    @Test func refusal_withoutHost_isOfTheAnswerersName() {
        let answerer = Place.name("cache.example", port: 1)
        let refusal = ServerRefusal(code: "MOVED", message: "MOVED 5 :7", answerer: answerer)
        #expect(refusal == .moved(slot: 5, to: .name("cache.example", port: 7)))
        let onSocket = ServerRefusal(
            code: "MOVED",
            message: "MOVED 5 :7",
            answerer: .address(.unix(path: "/r.sock"))
        )
        #expect(onSocket == .final)
    }

    // MARK: Sending again

    @Test func resend_redirections_areBounded() {
        var rule = ResendRule()
        let allowed = (0..<20).filter { _ in rule.redirect() }.count
        #expect(allowed == Int(ResendRule.maxRedirections))
    }

    @Test func resend_waits_growAndEndBeforeTheDeadline() {
        var rule = ResendRule()
        var now = Instant(nanoseconds: 0)
        let deadline = now.advanced(byNanoseconds: Nanoseconds.perSecond)
        var waits: [Int64] = []
        while let wait = rule.wait(now: now, deadline: deadline) {
            waits.append(wait / Nanoseconds.perMillisecond)
            now = now.advanced(byNanoseconds: wait)
        }
        #expect(waits == [10, 20, 40, 80, 160, 160, 160, 160, 160])
        #expect(now < deadline)
    }

    // MARK: The map

    private static func node(_ host: RedisValue, _ port: Int64) -> RedisValue {
        .array([host, .integer(port), .bytes(Array("id".utf8)), .array([])])
    }
    private static func text(_ text: String) -> RedisValue { .bytes(Array(text.utf8)) }

    @Test func map_answer_isRead() throws {
        let answer = RedisValue.array([
            .array([
                .integer(0), .integer(8_000), Self.node(Self.text("127.0.0.1"), 7_001), Self.node(Self.text(""), 7_002),
            ]),
            .array([.integer(8_001), .integer(16_000), Self.node(.null, 7_003)]),
            .array([.integer(16_001), .integer(16_383), Self.node(Self.text("127.0.0.1"), 0)]),
        ])
        let ranges = try #require(ClusterMap.ranges(answer, answerer: Self.answerer))
        #expect(
            ranges == [
                .init(first: 0, last: 8_000, nodes: [Self.place(7_001), Self.place(7_002)]),
                .init(first: 8_001, last: 16_000, nodes: [Self.place(7_003)]),
            ]
        )
        var map = ClusterMap(seeds: [Self.place(1)])
        #expect(!map.isKnown && map.owner(of: 0) == nil)
        map.learn(ranges)
        #expect(map.isKnown && !map.isWhole)
        #expect(map.masters == [Self.place(7_001), Self.place(7_003)])
        #expect(map.owner(of: 8_000) == Self.place(7_001) && map.owner(of: 8_001) == Self.place(7_003))
        #expect(map.owner(of: 16_001) == nil)
    }

    @Test(arguments: [
        RedisValue.null, .integer(1), .array([]), .array([.integer(1)]), .array([.array([.integer(0), .integer(1)])]),
        .array([.array([.integer(1), .integer(0), .array([])])]),
        .array([.array([.integer(0), .integer(16_384), .array([])])]),
        .array([.array([.integer(-1), .integer(5), .array([])])]),
    ])
    func map_badAnswer_isNone(answer: RedisValue) {
        #expect(ClusterMap.ranges(answer, answerer: Self.answerer) == nil)
    }

    @Test func map_redirections_changeOneSlot() {
        var map = ClusterMap(seeds: [Self.place(1)])
        map.learn([.init(first: 0, last: 16_383, nodes: [Self.place(1)])])
        #expect(map.isWhole)
        let moves = (0..<2).map { _ in map.move(5, to: Self.place(2)) }
        #expect(moves == [true, false], "the second says what is known already")
        #expect(map.owner(of: 5) == Self.place(2) && map.owner(of: 6) == Self.place(1))
        map.learn([.init(first: 0, last: 16_383, nodes: [Self.place(3)])])
        #expect(map.masters == [Self.place(3)] && map.owner(of: 5) == Self.place(3))
    }

    @Test func map_contacts_areSeedsAndAllWhoWereKnown() {
        var map = ClusterMap(seeds: [Self.place(1), Self.place(2)])
        let first = (0..<3).map { _ in map.nextContact() }
        #expect(first == [Self.place(1), Self.place(2), Self.place(1)])
        map.learn([.init(first: 0, last: 16_383, nodes: [Self.place(3), Self.place(4)])])
        let then = (0..<4).map { _ in map.nextContact() }
        #expect(Set(then) == Set((1...4).map { Self.place($0) }))
    }

    @Test func map_tooManyNodes_areLeftOut() {
        var map = ClusterMap(seeds: [Self.place(1)])
        map.learn((0..<2_000).map { .init(first: $0, last: $0, nodes: [Self.place(1 + $0)]) })
        #expect(map.masters.count == ClusterMap.maxNodes)
        let hasMoved = map.move(9_000, to: Self.place(9_000))
        #expect(!hasMoved)
    }

    // MARK: Sentinels

    private func expect(
        _ search: inout SentinelSearch,
        _ answer: SentinelSearch.Answer,
        _ verdict: SentinelSearch.Verdict,
        at location: SourceLocation = #_sourceLocation
    ) {
        let found = search.judge(answer)
        #expect(found == verdict, sourceLocation: location)
    }

    @Test func sentinels_failing_areAskedInTurn() {
        var search = SentinelSearch(sentinels: [Self.place(1), Self.place(2), Self.place(3)])
        var asked: [Place] = []
        var waits: [Bool] = []
        for _ in 0..<6 {
            asked.append(search.current)
            waits.append(search.failed())
        }
        #expect(asked == [1, 2, 3, 1, 2, 3].map { Self.place($0) })
        #expect(waits == [false, false, true, false, false, true])
    }

    @Test func sentinels_answer_addsOthersAndKeepsTheCurrent() {
        var search = SentinelSearch(sentinels: [Self.place(1), Self.place(2)])
        _ = search.failed()
        let answer = SentinelSearch.Answer(
            master: Self.place(10),
            epoch: 4,
            sentinels: [Self.place(1), Self.place(3), Self.place(3)]
        )
        expect(&search, answer, .follow(Self.place(10)))
        #expect(search.sentinels == [1, 2, 3].map { Self.place($0) })
        #expect(search.current == Self.place(2))
        // Those who are gone are forgotten, those of the configuration never.
        expect(&search, .init(master: Self.place(10), epoch: 4), .follow(Self.place(10)))
        #expect(search.sentinels == [1, 2].map { Self.place($0) })
    }

    @Test func sentinels_whoHasNotHeard_isNotBelieved() {
        var search = SentinelSearch(sentinels: [Self.place(1), Self.place(2)])
        expect(&search, .init(master: Self.place(10), epoch: 4), .follow(Self.place(10)))
        expect(&search, .init(master: Self.place(9), epoch: 3), .outdated)
        var wereAll = search.failed()
        #expect(!wereAll)
        expect(&search, .init(), .unknown)
        wereAll = search.failed()
        #expect(wereAll, "all were asked")
        #expect(search.epoch == 4, "one of them did not say anything")
        // All sentinels were made anew: they agree, and begin at 0.
        for _ in 0..<2 {
            expect(&search, .init(master: Self.place(9), epoch: 0), .outdated)
            _ = search.failed()
        }
        expect(&search, .init(master: Self.place(9), epoch: 0), .follow(Self.place(9)))
    }

    @Test func sentinels_answers_areRead() {
        let texts = { (list: [String]) in RedisValue.array(list.map(Self.text)) }
        #expect(SentinelSearch.master(texts(["127.0.0.1", "7001"]), answerer: Self.answerer) == Self.place(7_001))
        #expect(SentinelSearch.master(.null, answerer: Self.answerer) == nil)
        #expect(SentinelSearch.master(texts(["127.0.0.1", "x"]), answerer: Self.answerer) == nil)
        #expect(SentinelSearch.epoch(texts(["name", "m", "config-epoch", "12"])) == 12)
        #expect(SentinelSearch.epoch(.null) == 0)
        let others = RedisValue.array([
            texts(["name", "x", "ip", "::1", "port", "5"]), texts(["ip", "1.2.3.4"]), .null,
        ])
        #expect(SentinelSearch.sentinels(others, answerer: Self.answerer) == [.address(.ipv6(0, 1, port: 5))])
    }

    // MARK: Greetings

    private func expectGood(_ objection: String?, at location: SourceLocation = #_sourceLocation) {
        #expect(objection == nil, sourceLocation: location)
    }

    private static func info(_ mode: String) -> RedisResult {
        .success(Self.text("# Server\r\nredis_version:7.0.15\r\nredis_mode:\(mode)\r\nrun_id:abc\r\n"))
    }

    @Test(arguments: [
        ("standalone", "master", ServerGreeting.Expected.master, nil),
        ("standalone", "slave", .master, "this is a replica of 10.0.0.1:7: writes go to its master"),
        ("cluster", "master", .master, "this is a node of a Cluster: write redis+cluster://HOST:PORT,..."),
        ("sentinel", "sentinel", .master, "this is a sentinel: write redis+sentinel://HOST:PORT,.../MASTER-NAME"),
        ("cluster", "slave", .clusterNode, nil),
        ("standalone", "master", .clusterNode, "this is no node of a Cluster: write redis://HOST:PORT"),
    ])
    func greeting_whoeverItIs_isJudged(
        mode: String,
        role: String,
        expected: ServerGreeting.Expected,
        objection: String?
    ) {
        var greeting = ServerGreeting()
        expectGood(greeting.info(Self.info(mode)))
        expectGood(greeting.role(.success(.array([Self.text(role), Self.text("10.0.0.1"), .integer(7)]))))
        #expect(greeting.objection(expected: expected) == objection)
        #expect(greeting.run == ServerRun.number("abc") && greeting.notices.isEmpty)
    }

    @Test func greeting_forbidden_isNoticedAndGoodEnough() {
        var greeting = ServerGreeting()
        let forbidden = RedisResult.failure(.refused(code: "NOPERM", message: "NOPERM this user has no permissions"))
        expectGood(greeting.info(forbidden))
        expectGood(greeting.role(forbidden))
        #expect(greeting.objection(expected: .master) == nil)
        #expect(greeting.run == 0 && greeting.notices.count == 2)
        let info = greeting.info(.success(.status("PONG")))
        #expect(info != nil)
        let role = greeting.role(.success(.status("PONG")))
        #expect(role != nil)
        let loading = RedisResult.failure(.refused(code: "LOADING", message: "LOADING data"))
        let objection = greeting.info(loading)
        #expect(objection == "INFO: LOADING data")
    }

    @Test func serverRun_anyID_is48BitsAndNotZero() {
        let ids = ["", "a", "b", "0123456789abcdef0123456789abcdef01234567"] + (0..<1_000).map { "id \($0)" }
        let numbers = ids.map(ServerRun.number)
        #expect(numbers.allSatisfy { $0 > 0 && $0 < 1 << 48 })
        #expect(Set(numbers).count == ids.count)
    }

    // MARK: Commands that wait

    @Test func parked_areTakenWhenDueInTheirOrder() {
        var parked = ParkedCommands()
        func command(_ name: String) -> RedisCommand {
            RedisCommand(request: .words([.text(name)]), completion: { _ in }, deadline: Instant(nanoseconds: 100))
        }
        func names(_ taken: [(command: RedisCommand, reason: RedisError)]) -> [String] {
            taken.map { taken in
                guard case .words(let words) = taken.command.request, case .text(let name) = words[0] else { return "" }
                return name
            }
        }
        let reason = RedisError.unavailable("x")
        parked.park(command("a"), until: Instant(nanoseconds: 30), waitsForNode: false, reason: reason)
        parked.park(command("b"), until: Instant(nanoseconds: 90), waitsForNode: true, reason: reason)
        parked.park(command("c"), until: Instant(nanoseconds: 20), waitsForNode: false, reason: reason)
        #expect(parked.next == Instant(nanoseconds: 20) && parked.count == 3)
        let (early, due) = (
            parked.takeDue(now: Instant(nanoseconds: 10)), parked.takeDue(now: Instant(nanoseconds: 30))
        )
        #expect(names(early) == [] && names(due) == ["a", "c"])
        let waiting = parked.takeWaitingForNode()
        #expect(names(waiting) == ["b"])
        #expect(parked.count == 0 && parked.next == nil)
    }
}
