import EventLoop
import Primitives
import TestKit
import Testing
import Transport

@testable import onsale

/// The part of the tool that has sockets, against a small server that a test writes.
@Suite struct CrowdPlayerTests {
    /// Everybody is in a hurry, so that a test takes a second or two.
    static func scenario(visitors: Int, _ change: (inout Manners) -> Void = { _ in }) -> Scenario {
        var scenario = Scenario(visitors: visitors, durationSeconds: 20, seed: 11)
        scenario.manners.thinkMedianSeconds = 0.01
        scenario.manners.noShowShare = 0
        scenario.manners.eagerShare = 0
        scenario.manners.leavePageShare = 1
        scenario.manners.immediateRetrySeconds = 0.02
        scenario.manners.fixedRetrySeconds = 0.02
        scenario.manners.jitterRetrySeconds = 0.02
        change(&scenario.manners)
        return scenario
    }

    struct Outcome: Sendable {
        var timeline: Timeline
        var books: VisitBooks
        var paths: [String]
        var cookies: [String]
        var openConnections: Int
        var counts: Counts { self.timeline.total.counts }
    }

    /// A player whose crowd comes within a tenth of a second.
    static func makePlayer(
        _ scenario: Scenario,
        _ address: SocketAddress,
        hasRoom: Bool = true,
        room: RoomTraits = RoomTraits(),
        descriptorLimit: Int,
        on loop: EventLoop,
        helpers: [EventLoop] = []
    ) throws -> CrowdPlayer {
        let last = scenario.curve.endSeconds + 1
        return CrowdPlayer(
            try Crowd(scenario).takenUp(atSeconds: last, withinSeconds: 0.1),
            target: Target([address]),
            startedAt: MonotonicClock.now().advanced(byNanoseconds: -Int64(last * 1e9)),
            firstSecond: Int(last),
            hasRoom: hasRoom,
            room: room,
            descriptorLimit: descriptorLimit,
            on: loop,
            helpers: helpers
        )
    }

    /// Plays the crowd, all of which comes within a tenth of a second, until everybody has left.
    static func play(
        _ scenario: Scenario,
        hasRoom: Bool = true,
        descriptorLimit: Int = 1_000,
        address: SocketAddress? = nil,
        helpers: Int = 0,
        reply: @escaping @Sendable (ScriptedSite.Request) -> ScriptedSite.Reply
    ) throws -> Outcome {
        let fixture = try LoopFixture()
        let loop = fixture.loop
        let others = try (0..<helpers).map { _ in try LoopFixture() }
        let (site, player) = try fixture.run {
            let site = try ScriptedSite(loop: loop, reply: reply)
            let player = try Self.makePlayer(
                scenario,
                address ?? site.address,
                hasRoom: hasRoom,
                descriptorLimit: descriptorLimit,
                on: loop,
                helpers: others.map(\.loop)
            )
            player.start()
            return (LoopBound(site, loop: loop), LoopBound(player, loop: loop))
        }
        try fixture.waitUntil { try fixture.run { player.open().isEverybodyGone } }
        let outcome = try fixture.run {
            let player = player.open()
            player.finish()
            let requests = site.open().requests
            return Outcome(
                timeline: player.timeline,
                books: player.books,
                paths: requests.map(\.path),
                cookies: requests.map(\.cookies),
                openConnections: player.openConnections
            )
        }
        for other in others { try other.end() }
        try fixture.end()
        return outcome
    }

    /// Gives each newcomer the next place, lets in who comes back with one, and keeps who has a pass.
    static func room() -> @Sendable (ScriptedSite.Request) -> ScriptedSite.Reply {
        let issued = Record(0)
        return { request in
            if request.cookies.contains("sluice-pass-onsale=") { return .answer(ScriptedSite.inside(request)) }
            if request.cookies.contains("sluice-place-onsale=") {
                return .answer(ScriptedSite.inside(request, fields: "Set-Cookie: sluice-pass-onsale=p; Path=/\r\n"))
            }
            issued.update { $0 += 1 }
            let number = issued.value
            let place = "Set-Cookie: sluice-place-onsale=\(number); Path=/\r\n"
            return .answer(ScriptedSite.page(number: number, fields: place))
        }
    }

    @Test func crowd_throughARoom_isServedOnKeptConnections() throws {
        let scenario = Self.scenario(visitors: 40)
        let outcome = try Self.play(scenario, reply: Self.room())
        let counts = outcome.counts
        #expect(counts.arrivals == 40 && counts.served == 40 && counts.left == 40 && counts.errors.total == 0)
        #expect(counts.waitingPages == 40 && counts.exchanges == 40)
        let wanted = try Crowd(scenario).visitors.reduce(0) { $0 + $1.requestCount }
        #expect(counts.insideAnswers == wanted)
        #expect(outcome.paths.count == wanted + 40 && counts.requests == wanted + 40)
        #expect(outcome.paths.count { $0 == "/leave" } == 40)
        let visits = outcome.books.visits
        #expect(Set(visits.map(\.number)) == Set(1...40) && visits.allSatisfy { $0.letIn != nil && $0.exit != nil })
        #expect(visits.allSatisfy { $0.numberChanges == 0 && $0.exchanges == 1 && $0.returns == 0 })
        #expect(outcome.books.looks.count == 80 && outcome.books.pages == 40)
        // The answers name a second: short enough for everybody to keep the connection.
        #expect(counts.connections == 40 && outcome.openConnections == 0)
        #expect(outcome.cookies.count { $0.isEmpty } == 40)
        let total = outcome.timeline.total
        #expect(total.inside.count == wanted - 40 && total.line.count == 40 && total.door.count == 40)
        #expect(total.lateness.totalCount > 0)
    }

    @Test func refreshFarAway_givesTheConnectionBack() throws {
        let told = Record(0)
        let outcome = try Self.play(
            Self.scenario(visitors: 5) {
                $0.fewestRequests = 1; $0.mostRequests = 1
            }
        ) { request in
            guard request.cookies.isEmpty else { return .answer(ScriptedSite.inside(request)) }
            told.update { $0 += 1 }
            let place = "Set-Cookie: sluice-place-onsale=\(told.value); Path=/\r\n"
            return .answer(ScriptedSite.page(number: told.value, refreshSeconds: 3, fields: place))
        }
        #expect(outcome.counts.served == 5 && outcome.counts.connections == 10)
        #expect(outcome.counts.errors.total == 0 && outcome.counts.staleConnections == 0)
    }

    @Test func keptConnectionThatHasGone_isNoError() throws {
        let room = Self.room()
        // The server closes on the second request of each connection, without a word.
        let outcome = try Self.play(Self.scenario(visitors: 10)) { $0.ordinal == 1 ? .reset : room($0) }
        let counts = outcome.counts
        #expect(counts.served == 10 && counts.errors.total == 0)
        #expect(counts.staleConnections > 10 && counts.connections == counts.staleConnections + 10)
        // What the server closed on reached no room: the answers are those of a run without closing.
        #expect(counts.answered == counts.requests - counts.staleConnections)
    }

    @Test func answerCutOff_isABrokenConnection() throws {
        let outcome = try Self.play(Self.scenario(visitors: 6)) { _ in .lastWords("HTTP/1.1 200 OK\r\nContent-Le") }
        let counts = outcome.counts
        #expect(counts.failed == 6 && counts.served == 0)
        // The first try and every retry.
        #expect(counts.errors[.broken] == 6 * 4 && counts.errors.total == 6 * 4 && counts.staleConnections == 0)
    }

    @Test func errors_areBookedByTheirSource() throws {
        let answers = Record(0)
        let outcome = try Self.play(Self.scenario(visitors: 1) { $0.mostRetries = 7 }) { request in
            answers.update { $0 += 1 }
            switch answers.value {
            case 1: return .answer("HTTP/1.1 503 X\r\nSluice-Error: gateway; full\r\nContent-Length: 0\r\n\r\n")
            case 2:
                return .answer("HTTP/1.1 500 X\r\nContent-Length: \(request.mark.utf8.count)\r\n\r\n\(request.mark)")
            case 3: return .answer("SSH-2.0-Server\r\n")
            case 4: return .answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            case 5: return .answer("HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n")
            case 6:
                return .answer("HTTP/1.1 200 OK\r\nSluice-State: admitted\r\nContent-Length: 5\r\n\r\nhello")
            default: return .answer("HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n")
            }
        }
        let errors = outcome.counts.errors
        #expect(errors[.gatewayError] == 1 && errors[.workerError] == 1 && errors[.rejected] == 1)
        // Nonsense, and a response past the room.
        #expect(errors[.badAnswer] == 2 && errors[.unsignedError] == 1 && errors[.foreignPage] == 1)
        #expect(outcome.counts.failed == 1)
    }

    @Test func nobodyThere_isRefused() throws {
        let fixture = try LoopFixture()
        let loop = fixture.loop
        let address = try fixture.run {
            let listener = try Listener(loop: loop, address: .loopback(port: 0)) { _ in nil }
            let address = listener.boundAddress
            listener.close()
            return address
        }
        let outcome = try Self.play(Self.scenario(visitors: 3), address: address) { _ in .silence }
        #expect(outcome.counts.errors[.refused] == 3 * 4 && outcome.counts.failed == 3)
        try fixture.end()
    }

    @Test func descriptorsUsedUp_areTheToolsOwnLimit() throws {
        let limit = ConnectionBudget.reservedDescriptors + 2
        let outcome = try Self.play(Self.scenario(visitors: 30), descriptorLimit: limit, reply: Self.room())
        #expect(outcome.counts.errors[.toolLimit] > 0)
        #expect(outcome.counts.left == 30)
    }

    /// From three quarters of the descriptors on who waits gives the connection back, so that all find one who come to
    /// ask; and how often that was is told.
    @Test func descriptorsRunningShort_areFreedByThoseWhoWait_andCounted() throws {
        let limit = ConnectionBudget.reservedDescriptors + 44
        let outcome = try Self.play(Self.scenario(visitors: 40), descriptorLimit: limit, reply: Self.room())
        let counts = outcome.counts
        #expect(counts.connectionsGivenUp > 0 && counts.connections >= 40 + counts.connectionsGivenUp)
        #expect(counts.served == 40 && counts.errors.total == 0 && outcome.openConnections == 0)
    }

    /// A site that keeps its answers until no connection is left is overloaded; the tool is not.
    @Test func answersHeldBack_useUpConnections_andAreTheSitesDoing() throws {
        let fixture = try LoopFixture()
        let loop = fixture.loop
        let scenario = Self.scenario(visitors: 30) {
            $0.immediateRetrySeconds = 1.5
            $0.fixedRetrySeconds = 1.5
            $0.jitterRetrySeconds = 3
            $0.mostRetries = 20
        }
        let limit = ConnectionBudget.reservedDescriptors + 4
        let (site, player) = try fixture.run {
            let site = try ScriptedSite(loop: loop) { _ in .silence }
            let player = try Self.makePlayer(scenario, site.address, descriptorLimit: limit, on: loop)
            player.start()
            return (LoopBound(site, loop: loop), LoopBound(player, loop: loop))
        }
        try fixture.waitUntil { try fixture.run { player.open().counts.errors[.crowdedOut] > 0 } }
        try fixture.run {
            player.open().finish()
            _ = site
        }
        try fixture.end()
    }

    /// What a site does with tokens that are no good: nothing, lets in by all of them, takes a forged place for that of
    /// its owner, who is in line; or it is sound, and lets in whoever comes new, these among them. With a long line whoever
    /// comes new has to wait, and nobody gets past it with a token that is no good.
    enum Gullibility: CaseIterable, Sendable {
        case none, all, places, noneWithoutALine, newNumbersPastTheLine

        var givesNumbers: Bool { self == .noneWithoutALine || self == .newNumbersPastTheLine }

        func takes(_ kind: ProbeKind) -> Bool {
            self == .all || self == .newNumbersPastTheLine || self == .places && kind == .forgedPlace
        }
    }

    /// Altered places and the tokens of people who have left are shown, and whoever takes them is found out.
    @Test(arguments: Gullibility.allCases)
    func probes_showTokensThatAreNoGood(gullibility: Gullibility) throws {
        let isGullible = gullibility == .all
        let visitors = gullibility == .newNumbersPastTheLine ? 320 : 50
        let fixture = try LoopFixture()
        let loop = fixture.loop
        let issued = Record<[String]>([])
        // Number 1 to 5 get in and leave; everybody else waits. A gullible site lets in whoever shows something unknown.
        let reply: @Sendable (ScriptedSite.Request) -> ScriptedSite.Reply = { request in
            // Visitors show one token alone only in line, and there they ask for the first page.
            let isProbe = request.path != "/" && !request.cookies.contains("; ")
            if isProbe, gullibility.givesNumbers {
                let pass = "Set-Cookie: sluice-pass-onsale=\(ScriptedSite.token(number: 900)); Path=/\r\n"
                return .answer(ScriptedSite.inside(request, fields: pass))
            }
            let place = request.cookies.split(separator: "; ").first { $0.hasPrefix("sluice-place-onsale=") }
            let number = place.flatMap { place in issued.value.firstIndex(of: String(place)) }.map { $0 + 1 }
            if request.cookies.contains("sluice-pass-onsale=") {
                return place != nil || isGullible
                    ? .answer(ScriptedSite.inside(request)) : .answer(ScriptedSite.page(number: 900))
            }
            if let number, number <= 5, isGullible || request.path == "/" {
                let pass = "Set-Cookie: sluice-pass-onsale=pass\(number); Path=/\r\n"
                return .answer(ScriptedSite.inside(request, fields: pass))
            }
            if let number { return .answer(ScriptedSite.page(number: number)) }
            if place != nil, isGullible { return .answer(ScriptedSite.inside(request)) }
            if let place, gullibility == .places {
                let owner = issued.value.firstIndex { known in zip(known, place).count { $0 != $1 } == 1 }
                return .answer(ScriptedSite.page(number: (owner ?? 900) + 1))
            }
            let token = "sluice-place-onsale=token\(issued.value.count)"
            issued.update { $0.append(token) }
            let field = "Set-Cookie: \(token); Path=/\r\n"
            return .answer(ScriptedSite.page(number: issued.value.count, fields: field))
        }
        let (site, player) = try fixture.run {
            let site = try ScriptedSite(loop: loop, reply: reply)
            let scenario = Self.scenario(visitors: visitors) {
                $0.fewestRequests = 2
                $0.toleratedWaitSeconds = 3_600
            }
            let player = try Self.makePlayer(scenario, site.address, descriptorLimit: 1_000, on: loop)
            player.start()
            return (LoopBound(site, loop: loop), LoopBound(player, loop: loop))
        }
        try fixture.waitUntil {
            try fixture.run { player.open().gauges.waiting == visitors - 5 && player.open().counts.served == 5 }
        }
        // Again and again, until what was used has settled.
        try fixture.waitUntil {
            try fixture.run {
                player.open().sendProbes()
                return Set(player.open().books.probes.results.map(\.kind)).count == 3
            }
        }
        let books = try fixture.run { player.open().books }
        let results = books.probes.results
        #expect(Set(results.map(\.kind)) == [.forgedPlace, .usedPass, .usedPlace])
        let others: ProbeResult.Outcome = gullibility == .noneWithoutALine ? .letInAsNewcomer : .refused
        for result in results {
            #expect(result.outcome == (gullibility.takes(result.kind) ? .taken : others), "\(result.kind)")
        }
        // Each of them takes a turn, and stands in the room's journal.
        #expect(books.reentries.count == (others == .letInAsNewcomer ? results.count : 0))
        try fixture.run {
            // Whose exit page was asked for first.
            let exits = site.open().requests.filter { $0.path == "/leave" }
            let used = try #require(exits.first?.cookies).split(separator: "; ").map(String.init)
            let shown = site.open().requests.map(\.cookies).filter { !$0.contains("; ") }
            #expect(used.count == 2 && used.allSatisfy(shown.contains))
            player.open().finish()
        }
        try fixture.end()
    }

    /// Who closed the window comes back with a pass that has run out, and a site that honours it is found out.
    @Test(arguments: [false, true])
    func probe_passThatHasRunOut(isGullible: Bool) throws {
        let fixture = try LoopFixture()
        let loop = fixture.loop
        let joined = Record<Int>(0)
        let shown = Record<[String]>([])
        // The first five get in, for a second page with their pass; everybody else waits, and who comes back later.
        let reply: @Sendable (ScriptedSite.Request) -> ScriptedSite.Reply = { request in
            if request.cookies.contains("sluice-pass-onsale=") {
                let isFirst = !shown.value.contains(request.cookies)
                shown.update { $0.append(request.cookies) }
                if isFirst || isGullible { return .answer(ScriptedSite.inside(request)) }
                return .answer(ScriptedSite.page(number: 900))
            }
            joined.update { $0 += 1 }
            let number = joined.value
            guard number <= 5 else { return .answer(ScriptedSite.page(number: number)) }
            let pass = "Set-Cookie: sluice-pass-onsale=pass\(number); Path=/\r\n"
            return .answer(ScriptedSite.inside(request, fields: pass))
        }
        let (site, player) = try fixture.run {
            let site = try ScriptedSite(loop: loop, reply: reply)
            let scenario = Self.scenario(visitors: 50) {
                ($0.fewestRequests, $0.mostRequests) = (2, 2)
                $0.leavePageShare = 0
                $0.toleratedWaitSeconds = 3_600
            }
            let player = try Self.makePlayer(
                scenario,
                site.address,
                room: RoomTraits(probeKinds: [.expiredPass], sessionNanoseconds: 0),
                descriptorLimit: 1_000,
                on: loop
            )
            player.start()
            return (LoopBound(site, loop: loop), LoopBound(player, loop: loop))
        }
        try fixture.waitUntil {
            try fixture.run {
                player.open().sendProbes()
                return !player.open().books.probes.results.isEmpty
            }
        }
        let results = try fixture.run { player.open().books.probes.results }
        #expect(results.allSatisfy { $0 == ProbeResult(kind: .expiredPass, outcome: isGullible ? .taken : .refused) })
        try fixture.run {
            _ = site
            player.open().finish()
        }
        try fixture.end()
    }

    @Test func crowd_withoutARoom_goesInAtOnceAfterTheOpening() throws {
        let outcome = try Self.play(Self.scenario(visitors: 20), hasRoom: false) {
            .answer("HTTP/1.1 200 OK\r\nContent-Length: \($0.mark.utf8.count)\r\n\r\n\($0.mark)")
        }
        #expect(outcome.counts.served == 20 && outcome.counts.exchanges == 0 && outcome.counts.waitingPages == 0)
    }
}
