import Testing

/// `onsale` as a user starts it, with its standard output sent to where it cannot arrive.
@Suite(.onOwnThread) struct LostOutputTests {
    private static let line = #"192.0.2.1 - - [10/Oct/2000:20:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "a""#

    /// By words that the command says itself, through the live view, as a table, and through the parser.
    @Test(arguments: ["plan", "simulate --visitors 100 --seconds 20", "record access.log", "simulate --help"])
    func fullDisk_isToldInALine_andEndsWithThree(words: String) throws {
        try Scene.play { scene in
            try scene.write(Self.line + "\n", to: "\(scene.folder)/access.log")
            let program = try SluiceProcess.find("onsale")
            let command = "cd '\(scene.folder)' && exec '\(program)' \(words) > /dev/full"
            let ran = try scene.run("/bin/sh", ["-c", command])
            #expect(ran.end == .exited(3))
            let expected = "onsale: standard output could not be written: No space left on device; "
            #expect(ran.errors.hasPrefix(expected) && ran.errors.split(separator: "\n").count == 1, "\(ran.errors)")
        }
    }

    @Test func readerWhoHasReadEnough_isNoFault() throws {
        try Scene.play { scene in
            let program = try SluiceProcess.find("onsale")
            let ran = try scene.run("/bin/sh", ["-c", "'\(program)' plan | true"])
            #expect(ran.end == .exited(0) && ran.errors.isEmpty, "\(ran.errors)")
        }
    }
}
