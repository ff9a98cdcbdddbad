import Testing

/// Files that need each other can only be understood together.
@Suite struct CycleTests {
    private let repository = Repository.here

    @Test func types_ofTheGateway_formNoCycle() throws {
        let files = try self.repository.swiftFiles(in: "Sources/Gateway").map {
            (path: $0.path, text: $0.lines.joined(separator: "\n"))
        }
        let graph = TypeGraph(files)
        #expect(graph.nodes.count > 10 && graph.edges.count > 10)
        for cycle in graph.cycles {
            Issue.record("these files form a cycle: \(cycle.joined(separator: ", "))\n\(graph.description(of: cycle))")
        }
    }

    @Test func graph_findsCyclesAndNothingElse() {
        let graph = TypeGraph([
            ("A.swift", "struct A { let b: B }"),
            ("B.swift", "final class B {\n    // mentions A\n    let text = \"A\"\n    var c: [C] = []\n}"),
            ("C.swift", "public protocol C {}\nenum Other { case one }"),
            ("C+More.swift", "extension C { func use(_ d: D) {} }"),
            ("D.swift", "@inline(never)\nstruct D { let other: Other }"),
            ("E.swift", "struct E { struct A {}; let text = \"\"\"\n    F\n    \"\"\" }"),
            ("F.swift", "struct F { let e: E }"),
        ])
        #expect(graph.nodes == ["A", "B", "C", "D", "E", "F"])
        #expect(graph.edges[.init(from: "A", to: "B")] == ["B"])
        #expect(graph.edges[.init(from: "B", to: "A")] == nil)
        #expect(graph.cycles == [["C", "D"]])
        #expect(graph.description(of: ["C", "D"]) == "C needs D for D\nD needs C for Other")
    }
}
