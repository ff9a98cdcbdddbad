import ArgumentParser
import Foundation
import Testing

@testable import onsale

/// Every option of every command beside the others: what would do nothing is refused by its name, with what to do.
@Suite struct StrayOptionTests {
    struct Row: CustomTestStringConvertible, Sendable {
        var arguments: [String]
        /// All of them stand in the error.
        var named: [String]

        init(_ line: String, _ named: String...) {
            // A fault is several words: its blanks are written as _.
            self.arguments = line.split(separator: " ").map { String($0).replacing("_", with: " ") }
            self.named = named
        }

        var testDescription: String { self.arguments.joined(separator: " ") }
    }

    private static let play = "play --sluice /bin/true"
    private static let site = "play --url http://127.0.0.1:1/"

    static let refused: [Row] = [
        // A site that is there.
        Row("\(site) --sluice /bin/true", "--sluice", "leave one out"),
        Row("\(site) --config a.yaml", "--config", "leave one out"),
        Row("\(site) --fault 3s_reload", "--fault", "leave one out"),
        Row("\(site) --no-direct", "--no-direct", "leave one out"),
        Row("\(site) --direct", "--direct", "leave one out"),
        Row("\(site) --keep", "--keep", "leave one out"),
        Row("\(site) --slots 5 --steady", "--slots, --steady", "leave one out"),
        Row("\(site) --agents 2 --redis redis://127.0.0.1:1", "--agents", "leave one out"),
        Row("\(site) --threads 2", "--threads", "leave it out"),
        Row("\(site) --room sale", "--room", "--config"),
        Row("\(site) --insecure", "--insecure", "https://"),
        Row("\(site) --ca /etc/hostname", "--ca", "https://"),
        Row("\(site) --http1 --http2", "--http1", "leave one out"),
        Row("play --url https://127.0.0.1:1/ --insecure --ca /etc/hostname", "--insecure", "leave one out"),
        Row("\(play) --http2", "--http2", "--url"), Row("\(play) --http1", "--http1", "--url"),
        Row("\(play) --insecure", "--insecure", "--url"), Row("\(play) --ca /etc/hostname", "--ca", "--url"),
        Row("\(play) --i-own-this-site", "--i-own-this-site", "--url"),
        Row("play", "--sluice", "--url"),
        // The operator's file.
        Row("\(play) --room sale", "--room", "--config"), Row("\(play) --open-after 3", "--open-after", "--config"),
        Row("\(play) --config a.yaml --slots 5", "--slots", "--config"),
        Row("\(play) --config a.yaml --steady", "--steady", "--config"),
        // Agents.
        Row("\(play) --redis redis://127.0.0.1:1", "--redis", "--agents"),
        Row("\(play) --run sale", "--run", "--agents"),
        Row("\(play) --advertise 127.0.0.1:0", "--advertise", "--agents"),
        Row("\(play) --agents 2", "--redis"),
        Row("\(play) --agents 2 --redis redis://127.0.0.1:1 --direct", "--direct", "leave it out"),
        Row("\(play) --agents 2 --redis redis://127.0.0.1:1 --threads 2", "--threads", "onsale agent"),
        Row("\(play) --agents 2 --redis redis://127.0.0.1:1 --config a.yaml", "--config", "leave it out"),
        Row("\(play) --agents 2 --redis redis://127.0.0.1:1 --fault 3s_reload", "--fault", "leave it out"),
        // In virtual time.
        Row("simulate --room sale", "--room", "CONFIG"),
        Row("simulate a.yaml --slots 5", "--slots", "--set"), Row("simulate a.yaml --steady", "--steady", "--set"),
        Row("simulate --like r.json --scenario s.yaml", "--scenario", "--like"),
        Row("simulate --like r.json -v 5", "--visitors", "--like"),
        Row("simulate --like r.json -s 5", "--seconds", "--like"),
        Row("simulate --like r.json --seed 5", "--seed", "--like"),
        Row("simulate --like r.json --seeds 5", "--seeds", "--like"),
        Row("simulate --set a.b=1 --set a.b=2", "--set", "a.b", "leave one out"),
        Row("simulate --set nonsense", "--set", "nonsense", "KEY=VALUE"),
        Row("simulate -v 300000 --report folder", "--report", "--visitors"),
        Row("tune a.yaml --slots 5", "--slots", "leave it out"),
        Row("tune a.yaml --steady", "--steady", "leave it out"),
        Row("tune a.yaml --set a.b=1 --set a.b=2", "--set", "a.b"),
        Row("tune a.yaml --bound a.b=1..2 --bound a.b=1..3", "--bound", "a.b", "leave one out"),
        // The capacity.
        Row("search --until p99<1s --from 5 --least 10", "--from", "least"),
        Row("search --until p99<1s --from 50 --most 10 --least 5", "--from", "most"),
        Row("search --until p99<1s --visitors 5", "--visitors", "leave it out"),
        Row("search --until p99<1s --report r", "--report", "leave it out"),
        Row("search --until p99<1s --objective p99<1s", "--objective", "leave it out"),
        // The tool's own speed.
        Row("drive 127.0.0.1:1 --arrivals 5", "--arrivals", "--waiting"),
        Row("drive 127.0.0.1:1 --waiting 5 --connections 5", "--connections", "--waiting"),
        Row("drive 127.0.0.1:1 --waiting 5 --seconds 5", "--seconds", "--waiting"),
        Row("drive 127.0.0.1:1 --waiting 5 --think 5", "--think", "--waiting"),
        Row("drive 127.0.0.1:1 --waiting 5 --reconnect", "--reconnect", "--waiting"),
        // And the rest.
        Row("compare a b --metric p99 --metric inside.p99", "--metric", "inside.p99", "leave one out"),
        Row("record log --from 2026-11-23T18:00:00Z --until 2026-11-23T17:00:00Z", "--until", "--from"),
        Row("agent", "--redis"),
    ]

    @Test(arguments: refused)
    func option_thatWouldDoNothing_isRefusedByName(row: Row) throws {
        do {
            _ = try Onsale.parseAsRoot(row.arguments)
            Issue.record("it was taken")
        } catch {
            let words = Onsale.message(for: error)
            for name in row.named { #expect(words.contains(name), "\(words)") }
            #expect(Onsale.exitCode(for: error) == .validationFailure)
        }
    }

    static let taken: [Row] = [
        Row(play), Row("\(play) --slots 5 --steady --keep --threads 2 --no-direct --objective p99<1s"),
        Row("\(play) --direct --fault 3s_reload"), Row("\(play) --scenario s.yaml -v 5 -s 9 --seed 3"),
        Row("\(play) --config a.yaml --room sale --open-after 3 --no-direct"),
        Row("\(play) --agents 2 --redis redis://127.0.0.1:1 --run a --advertise 127.0.0.1:0 --no-direct"),
        Row("\(site) --i-own-this-site --http2 --threads 1 --report r"),
        Row("play --url https://127.0.0.1:1/ --insecure --http1"),
        Row("play --url https://127.0.0.1:1/ --ca /etc/hostname"),
        Row("simulate"), Row("simulate --slots 5 --steady --seeds 3 --report r --set a.b=1 --set a.c=1"),
        Row("simulate a.yaml --room sale --scenario s.yaml -v 5 -s 9 --seed 3"),
        Row("simulate a.yaml --like r.json --room sale"), Row("simulate --like r.json --slots 5 --report folder"),
        Row("overlay r.json s.json --out page.html"),
        Row("tune a.yaml --room sale --set a.b=1 --bound a.b=1..2 --bound a.c=1..2 --goal cost --seeds 3 -v 5"),
        Row("tune a.yaml --scenario s.yaml -s 9 --seed 3"),
        Row("search --until p99<1s --from 5"), Row("search --until p99<1s --from 500000"),
        Row("search --until p99<1s --from 50 --least 10 --most 90 --tolerance 5% --runs 3 --with-promises --folder f"),
        Row("drive 127.0.0.1:1"), Row("drive 127.0.0.1:1 -c 5 -s 5 --think 5 --reconnect --threads 2"),
        Row("drive 127.0.0.1:1 --waiting 5 --arrivals 5 --threads 2"),
        Row("compare a b --metric p99 --metric p95 --force"), Row("plan --scenario s.yaml -v 5 -s 9 --seed 3"),
        Row("record log -o out --count requests --from 2026-11-23T18:00:00Z --until 2026-11-23T19:00:00Z"),
        Row("report r.json -o r"), Row("soak 1 --sluice /bin/true --seed 3 --keep"),
        Row("agent --redis redis://127.0.0.1:1 --run a --name b --threads 2 --patience 5"),
        Row("scaling --seed 3 --seeds 2 --start 2,15 --traces t --only step --details"), Row("scaling --decision"),
    ]

    @Test(arguments: taken)
    func options_thatGoTogether_areTaken(row: Row) throws {
        do {
            _ = try Onsale.parseAsRoot(row.arguments)
        } catch {
            Issue.record("\(Onsale.message(for: error))")
        }
    }

    /// Whoever adds an option has to say in these tables what it means beside the others.
    @Test func tables_holdEveryOptionOfEveryCommand() throws {
        let tree = try JSONSerialization.jsonObject(with: Data(Onsale._dumpHelp().utf8)) as? [String: Any]
        let command = try #require(tree?["command"] as? [String: Any])
        let commands = try #require(command["subcommands"] as? [[String: Any]])
        var looked = 0
        for command in commands {
            let name = try #require(command["commandName"] as? String)
            guard name != "help" else { continue }
            let rows = (Self.refused + Self.taken).filter { $0.arguments.first == name }
            let words = Set(rows.flatMap(\.arguments))
            for argument in command["arguments"] as? [[String: Any]] ?? [] {
                let names = (argument["names"] as? [[String: Any]] ?? []).compactMap { entry -> String? in
                    guard let text = entry["name"] as? String else { return nil }
                    return entry["kind"] as? String == "long" ? "--\(text)" : "-\(text)"
                }
                guard !names.isEmpty, !names.contains("--help"), !names.contains("--version") else { continue }
                looked += 1
                #expect(!words.isDisjoint(with: names), "\(name): none of \(names) is in the tables")
            }
        }
        #expect(looked > 50, "the help tells of \(looked) options only")
    }
}
