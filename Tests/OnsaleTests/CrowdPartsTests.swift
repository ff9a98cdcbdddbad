import EventLoop
import Primitives
import TestKit
import Testing
import Transport

@testable import onsale

/// One crowd on several loops, and what is put together of it.
@Suite struct CrowdPartsTests {
    @Test func shares_holdEverybodyOnce() {
        for visitors in [0, 1, 5, 12, 97] {
            for (agents, threads) in [(1, 1), (1, 4), (3, 1), (3, 5)] {
                let shares = (0..<agents).flatMap { CrowdShare(index: $0, count: agents).split(threads) }
                #expect(shares.map { $0.size(of: visitors) }.reduce(0, +) == visitors)
                for visitor in 0..<visitors {
                    let own = shares.filter { $0.contains(visitor) }
                    #expect(own.count == 1)
                    #expect(own[0].visitor(at: own[0].position(of: visitor)) == visitor)
                    #expect(own[0].position(of: visitor) < own[0].size(of: visitors))
                }
            }
        }
    }

    static func held(_ second: Int, arrivals: Int) -> HeldSecond {
        var held = HeldSecond(second: second, tally: Tally(), gauges: Gauges())
        for _ in 0..<arrivals { held.tally.arrived() }
        held.gauges.waiting = arrivals
        return held
    }

    /// Of the seconds that are whole by now: which, who came, who waits.
    static func whole(_ merge: inout SecondMerge, isEnd: Bool = false) -> [[Int]] {
        var rows: [[Int]] = []
        while let held = merge.next(isEnd: isEnd) {
            rows.append([held.second, held.tally.counts.arrivals, held.gauges.waiting])
        }
        return rows
    }

    @Test func second_isWhole_whenEveryPartHasToldOfIt() {
        var merge = SecondMerge(parts: 2, firstSecond: 3)
        merge.take(Self.held(3, arrivals: 1), of: 0)
        merge.take(Self.held(4, arrivals: 2), of: 0)
        #expect(Self.whole(&merge) == [])
        merge.take(Self.held(3, arrivals: 10), of: 1)
        #expect(Self.whole(&merge) == [[3, 11, 11]])
        // Given up: the rest goes on without it.
        merge.giveUp(1)
        #expect(Self.whole(&merge) == [[4, 2, 2]])
    }

    @Test func partThatIsFarBehind_holdsNobodyUp_andIsCountedAllTheSame() {
        var merge = SecondMerge(parts: 2, firstSecond: 0)
        for second in 0...SecondMerge.mostAhead { merge.take(Self.held(second, arrivals: 1), of: 0) }
        #expect(Self.whole(&merge) == [[0, 1, 1]])
        merge.take(Self.held(0, arrivals: 5), of: 1)
        let late = merge.takeLate() + merge.takeLate()
        #expect(late.map(\.counts.arrivals) == [5])
        #expect(Self.whole(&merge) == [])
        // In the end all that there is.
        #expect(Self.whole(&merge, isEnd: true) == (1...SecondMerge.mostAhead).map { [$0, 1, 1] })
    }

    @Test func secondOfWhichNobodyTold_isEmpty() {
        var merge = SecondMerge(parts: 1, firstSecond: 0)
        merge.take(Self.held(1, arrivals: 1), of: 0)
        #expect(Self.whole(&merge) == [[0, 0, 0], [1, 1, 1]])
    }

    /// Four loops play what one would have played: everybody once, and the books are of everybody.
    @Test func crowdOnSeveralLoops_isOneRun() throws {
        let scenario = CrowdPlayerTests.scenario(visitors: 60)
        let outcome = try CrowdPlayerTests.play(scenario, helpers: 3, reply: CrowdPlayerTests.room())
        let counts = outcome.counts
        #expect(counts.arrivals == 60 && counts.served == 60 && counts.left == 60 && counts.errors.total == 0)
        #expect(counts.waitingPages == 60 && counts.exchanges == 60 && counts.connections == 60)
        let visits = outcome.books.visits
        #expect(visits.count == 60 && Set(visits.map(\.number)) == Set(1...60))
        #expect(visits.allSatisfy { $0.letIn != nil && $0.exit != nil && $0.exchanges == 1 })
        let looks = outcome.books.looks.all
        #expect(looks.count == 120 && Set(looks.map(\.visitor)) == Set(0..<60))
        #expect(zip(looks, looks.dropFirst()).allSatisfy { $0.answeredMicros <= $1.answeredMicros })
        // What a look says of its visitor is in that visitor's own book.
        for look in looks where look.kind == .letIn { #expect(visits[Int(look.visitor)].number == look.number) }
        #expect(outcome.openConnections == 0 && outcome.timeline.total.lateness.totalCount >= 60)
        #expect(outcome.timeline.samples.map(\.counts.arrivals).reduce(0, +) == 60)
    }

    /// People who wait for seconds rest, without a player; they come back with their cookie, and are there at the end.
    @Test func peopleWhoRest_askAgainWithTheirCookie() throws {
        let issued = Record(0)
        let filler = String(repeating: "A", count: 60)
        let scenario = CrowdPlayerTests.scenario(visitors: 12)
        let outcome = try CrowdPlayerTests.play(scenario, helpers: 1) { request in
            if request.cookies.contains("sluice-pass-onsale=") { return .answer(ScriptedSite.inside(request)) }
            if request.cookies.contains("sluice-place-onsale=\(filler)") {
                return .answer(ScriptedSite.inside(request, fields: "Set-Cookie: sluice-pass-onsale=p; Path=/\r\n"))
            }
            issued.update { $0 += 1 }
            let place = "Set-Cookie: sluice-place-onsale=\(filler)\(1_000 + issued.value); Path=/\r\n"
            return .answer(ScriptedSite.page(number: issued.value, refreshSeconds: 3, fields: place))
        }
        #expect(outcome.counts.served == 12 && outcome.counts.waitingPages == 12 && outcome.counts.errors.total == 0)
        #expect(outcome.books.visits.allSatisfy { $0.numberChanges == 0 && $0.letIn != nil })
        #expect(outcome.counts.connections == 24)
    }

    /// Who rests when the run ends has not come to an end of the way.
    @Test func peopleWhoRestAtTheEnd_areUnfinished() throws {
        let fixture = try LoopFixture()
        let loop = fixture.loop
        let (site, player) = try fixture.run {
            let issued = Record(0)
            let site = try ScriptedSite(loop: loop) { _ in
                issued.update { $0 += 1 }
                let token = "\(String(repeating: "B", count: 60))\(1_000 + issued.value)"
                let field = "Set-Cookie: sluice-place-onsale=\(token); Path=/\r\n"
                return .answer(ScriptedSite.page(number: issued.value, refreshSeconds: 200, fields: field))
            }
            let scenario = CrowdPlayerTests.scenario(visitors: 9) { $0.toleratedWaitSeconds = 3_600 }
            let player = try CrowdPlayerTests.makePlayer(scenario, site.address, descriptorLimit: 1_000, on: loop)
            player.start()
            return (LoopBound(site, loop: loop), LoopBound(player, loop: loop))
        }
        try fixture.waitUntil {
            try fixture.run { player.open().gauges.waiting == 9 && player.open().gauges.openConnections == 0 }
        }
        try fixture.run {
            player.open().finish()
            #expect(player.open().counts.unfinished == 9 && player.open().isEverybodyGone)
            #expect(player.open().timeline.samples.last?.gauges.waiting == 9, "they waited until the watching ended")
            _ = site
        }
        try fixture.end()
    }
}
