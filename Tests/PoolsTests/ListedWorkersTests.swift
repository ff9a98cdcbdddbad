import Addresses
import Primitives
import Scaling
import Testing

@testable import Pools

/// Who is there, and who is still to come, of workers that somebody else starts.
@Suite struct ListedWorkersTests {
    private static let addresses = (1...4).map { SocketAddress.loopback(port: 9_000 + UInt16($0)) }
    private static let limits = ListedWorkers.Limits(
        addresses: Self.addresses,
        intervalNanoseconds: 2 * Nanoseconds.perSecond,
        failures: 2
    )

    private static func at(_ milliseconds: Int64) -> Instant {
        Instant(nanoseconds: 1_000_000_000).advanced(byNanoseconds: milliseconds * Nanoseconds.perMillisecond)
    }

    /// All have been asked, and these were there.
    private static func looked(ready: Set<Int>) -> ListedWorkers {
        var workers = ListedWorkers(Self.limits)
        for address in workers.ask(now: Self.at(0)) {
            let isWell = ready.contains(Self.addresses.firstIndex(of: address) ?? -1)
            _ = workers.answered(address, isWell: isWell, now: Self.at(1), wallMicros: 7)
        }
        return workers
    }

    @Test func list_isKnownWhenEachWasAsked() {
        var workers = ListedWorkers(Self.limits)
        #expect(workers.ask(now: Self.at(0)) == Self.addresses)
        #expect(workers.ask(now: Self.at(10_000)) == [], "one question at a time")
        for (index, address) in Self.addresses.enumerated() {
            #expect(!workers.isKnown && workers.state == PoolState(ready: index))
            // Whoever is found there was not waited for.
            let change = workers.answered(address, isWell: true, now: Self.at(5), wallMicros: 7)
            #expect(change == .ready(after: nil))
        }
        #expect(workers.isKnown)
        #expect(workers.ready.map(\.address) == Self.addresses && workers.ready.allSatisfy { $0.sinceMicros == 7 })
        #expect(workers.ask(now: Self.at(1_999)) == [])
        #expect(workers.ask(now: Self.at(2_000)) == Self.addresses)
    }

    @Test func wanted_arePendingSinceTheyWereAskedFor() {
        var workers = Self.looked(ready: [0])
        workers.want(2, now: Self.at(100))
        workers.want(3, now: Self.at(200))
        #expect(workers.state == PoolState(ready: 1, pending: [Self.at(100), Self.at(200)]))
        // Impatient for those that are to come, not for the one that is there.
        #expect(workers.ask(now: Self.at(250)) == Array(Self.addresses[1...]))
        let change = workers.answered(Self.addresses[2], isWell: true, now: Self.at(1_100), wallMicros: 9)
        #expect(change == .ready(after: 1_000 * Nanoseconds.perMillisecond))
        #expect(workers.state == PoolState(ready: 2, pending: [Self.at(200)]))
        workers.want(1, now: Self.at(1_200))
        #expect(workers.state == PoolState(ready: 2))
    }

    @Test func wanted_areNeverMoreThanThereArePlaces() {
        var workers = Self.looked(ready: [0])
        workers.want(1_000_000, now: Self.at(100))
        #expect(workers.state.pending.count == 3)
    }

    @Test func worker_isGoneAfterFailuresInARow() {
        var workers = Self.looked(ready: [0, 1])
        workers.want(2, now: Self.at(2))
        let address = Self.addresses[1]
        func answer(_ isWell: Bool) -> ListedWorkers.Change {
            workers.answered(address, isWell: isWell, now: Self.at(3), wallMicros: 9)
        }
        #expect(answer(false) == .none)
        #expect(answer(true) == .none)
        #expect(answer(false) == .none && workers.ready.count == 2)
        #expect(answer(false) == .gone && workers.ready.count == 1 && workers.losses == 1)
        workers.want(2, now: Self.at(4))
        #expect(workers.state == PoolState(ready: 1, pending: [Self.at(4)]))
        let back = workers.answered(address, isWell: true, now: Self.at(104), wallMicros: 9)
        #expect(back == .ready(after: 100 * Nanoseconds.perMillisecond) && workers.ready.count == 2)
    }

    /// The controller's own network may be what fails: gateways would be told that nobody is there.
    @Test func moreThanHalf_fail_andStayListedWhileTheyAreWanted() {
        var workers = Self.looked(ready: [0, 1, 2])
        workers.want(3, now: Self.at(2))
        func answer(_ index: Int, _ isWell: Bool) -> ListedWorkers.Change {
            workers.answered(Self.addresses[index], isWell: isWell, now: Self.at(3), wallMicros: 9)
        }
        for _ in 0..<5 { for index in 0...2 { _ = answer(index, false) } }
        #expect(workers.ready.count == 3 && workers.kept == 3 && workers.losses == 0)
        #expect(answer(1, true) == .none && workers.kept == 2)
        #expect(answer(2, false) == .none, "two of three")
        #expect(answer(0, true) == .none && workers.kept == 1)
        #expect(answer(2, false) == .gone && workers.losses == 1)
        workers.want(0, now: Self.at(4))
        #expect(answer(1, false) == .none)
        #expect(answer(1, false) == .gone, "nobody is wanted")
    }

    @Test func worker_thatIsNotWanted_goesWithoutALoss() {
        var workers = Self.looked(ready: [0, 1])
        workers.want(1, now: Self.at(2))
        for _ in 0..<2 { _ = workers.answered(Self.addresses[1], isWell: false, now: Self.at(3), wallMicros: 9) }
        #expect(workers.ready.count == 1 && workers.losses == 0)
    }

    @Test func list_changes_whoStaysIsKnown() {
        var workers = Self.looked(ready: [0, 1])
        let other = SocketAddress.loopback(port: 1)
        var limits = Self.limits
        limits.addresses = [Self.addresses[1], other]
        workers.apply(limits)
        #expect(workers.ready.map(\.address) == [Self.addresses[1]] && !workers.isKnown)
        #expect(workers.ask(now: Self.at(10)) == [other])
        // The late answer of one that is listed no more is nobody's.
        #expect(workers.answered(Self.addresses[0], isWell: true, now: Self.at(11), wallMicros: 9) == .none)
        #expect(workers.state == PoolState(ready: 1))
    }
}
