import Addresses
import EventLoop
import Primitives
import TestKit
import Testing
import Transport

/// Who asks for names, again and again, and leaves nothing behind.
@Suite struct HostWatchTests {
    @Test(arguments: [1, 7, 0xBEEF] as [UInt64])
    func follow_inVirtualTime_hearsOfEveryChange(seed: UInt64) {
        let world = VirtualWorld(seed: seed)
        let loop = world.makeLoop()
        let network = VirtualNetwork(world: world)
        let watch = HostWatch(loop: loop, ask: network.lookUp)
        var changes: [HostBook.Change] = []
        watch.onChange = { name, change in
            #expect(name == "shop")
            changes.append(change)
        }
        network.names["shop"] = .success([.v4(1)])
        world.run(on: loop) { watch.follow(["shop": 5 * Nanoseconds.perSecond]) }
        world.run(forNanoseconds: 12 * Nanoseconds.perSecond)
        #expect(changes == [.moved(added: [.v4(1)], removed: [])])
        network.names["shop"] = .success([.v4(2)])
        world.run(forNanoseconds: 6 * Nanoseconds.perSecond)
        #expect(changes.last == .moved(added: [.v4(2)], removed: [.v4(1)]))
        network.names["shop"] = nil
        world.run(forNanoseconds: 20 * Nanoseconds.perSecond)
        #expect(changes.count == 3 && changes.last == .lost("no such name"))
        #expect(watch.addresses == ["shop": [.v4(2)]] && watch.problems.count == 1)
        world.run(on: loop) { watch.stop() }
        world.run(forNanoseconds: Nanoseconds.perSecond)
        #expect(loop.timers.count == 0 && watch.problems == [])
    }

    /// The machine's own names, by the system.
    @Test func lookUp_localhost_isALoopbackAddress() throws {
        let fixture = try LoopFixture()
        let found = Handover<Result<[IPAddress], HostFailure>>()
        try fixture.run { NameLookup.find("localhost", on: fixture.loop) { found.put($0) } }
        let addresses = try found.take().get()
        #expect(!addresses.isEmpty && Set(addresses).isSubset(of: [.v4(0x7F00_0001), .v6(0, 1)]))
        try fixture.end()
    }
}
