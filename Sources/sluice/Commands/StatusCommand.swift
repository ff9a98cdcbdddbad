import ArgumentParser
import Foundation

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show rooms, pools and connections of a running Sluice.",
        discussion:
            "Asks the admin listener (`admin.listen` of the configuration). Ends with code 1 when it does not answer."
    )

    @OptionGroup var admin: AdminOptions

    @Flag(help: "Print the JSON as it comes.")
    var json = false

    func run() throws {
        let wantsJSON = self.json
        try self.admin.ask(.get("/status")) { answer, admin in
            guard let text = StatusText(answer) else { admin.refuse() }
            if wantsJSON {
                print(String(decoding: answer, as: UTF8.self))
            } else {
                print(text.text, terminator: "")
            }
            Foundation.exit(0)
        }
    }
}
