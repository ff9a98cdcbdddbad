import Settings
import Testing

@testable import SettingsFile

/// Values that take the place of the file's before it is checked.
@Suite struct SettingsOverrideTests {
    private static let file = """
        listen:
          - address: 127.0.0.1:0
        pools:
          tickets:
            worker: { slots: 4 }
        rooms:
          onsale:
            slots: 100
            inflow: 50/s
        routes:
          - host: "*"
            path: /
            pool: tickets
            room: onsale

        """

    private func settings(_ changes: String...) throws -> Settings {
        let overrides = try changes.map { try #require(SettingsOverride(parsing: $0), "\($0)") }
        return try SettingsFile.decode(Array(Self.file.utf8), path: "/sluice.yaml", overrides: overrides)
    }

    private func problems(_ changes: String...) throws -> [String] {
        let overrides = try changes.map { try #require(SettingsOverride(parsing: $0), "\($0)") }
        do throws(SettingsError) {
            _ = try SettingsFile.decode(Array(Self.file.utf8), path: "/sluice.yaml", overrides: overrides)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test func values_areReadAsInTheFile() throws {
        let settings = try self.settings(
            "rooms.onsale.inflow=150/s",
            "pools.tickets.worker.slots=9",
            "pools.tickets.max_workers=12",
            "pools.tickets.scaling.utilization=0.5",
            "routes[0].path=/sale"
        )
        #expect(settings.rooms[0].inflowMilli == 150_000 && settings.rooms[0].slots == 100)
        #expect(settings.pools[0].worker.slots == 9 && settings.pools[0].maxWorkers == 12)
        #expect(settings.pools[0].scaling.utilization == 0.5)
        #expect(settings.routes[0].path == "/sale")
    }

    @Test func value_ofAList_mayBeAList() throws {
        let settings = try self.settings("pools.tickets.driver=static", "pools.tickets.workers=[127.0.0.1:9001]")
        #expect(settings.pools[0].workers.count == 1)
    }

    /// One value of a room that is not there would begin one that lacks all else; a whole one lacks nothing.
    @Test func wholeRoom_isPutIn() throws {
        let settings = try self.settings("rooms.vip={slots: 7, inflow: 2/s}", "rooms.vip.burst=9")
        #expect(settings.rooms.map(\.name) == ["onsale", "vip"])
        #expect(settings.rooms[1].slots == 7 && settings.rooms[1].burst == 9)
    }

    @Test(arguments: [
        ("rooms.onsale.inflow=fast", "--set rooms.onsale.inflow=fast: rooms.onsale.inflow: "),
        ("rooms.onsale.inflo=5/s", "inflow"),
        ("rooms.onsale.slots.deep=1", "--set rooms.onsale.slots.deep=1: "),
        ("routes[3].path=/x", "names item 3 of a list"),
        ("rooms..slots=1", "is no path of a key"),
        ("pools.tickets.min_workers=9", "pools.tickets.min_workers"),
        ("rooms.onsale.slots=[", "--set rooms.onsale.slots=["),
        (
            "rooms.vip.inflow=5/s",
            "--set rooms.vip.inflow=5/s: rooms.vip.inflow: there is no room vip; there are: onsale"
        ),
        ("pools.web.worker.slots=5", "pools.web.worker.slots: there is no pool web; there are: tickets"),
    ])
    func value_thatIsNoGood_isRefusedInTheGatewaysWords(change: String, words: String) throws {
        let problems = try self.problems(change)
        #expect(problems.contains { $0.contains(words) }, "\(problems)")
    }

    @Test(arguments: ["", "rooms.onsale.slots", "=5"])
    func text_withoutKeyAndValue_isNone(text: String) {
        #expect(SettingsOverride(parsing: text) == nil)
    }

    @Test func replaces_theKeyAndAllThatIsInIt() {
        func replaces(_ path: String) -> Bool {
            SettingsOverride(path: path, value: "").replaces("rooms.onsale.inflow")
        }
        #expect(replaces("rooms.onsale.inflow") && replaces("rooms.onsale") && replaces("rooms"))
        #expect(!replaces("rooms.onsale.slots") && !replaces("rooms.on") && !replaces("rooms.onsale.inflow.x"))
    }
}
