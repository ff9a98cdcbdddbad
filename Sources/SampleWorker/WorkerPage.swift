/// The page that a visitor sees who has been let in; about a kilobyte.
enum WorkerPage {
    /// - Parameter name: the worker's address; holds nothing that HTML would read as markup.
    static func make(name: String) -> [UInt8] {
        Array(
            """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>You are in</title>
            <style>
            body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 36rem; margin: 12vh auto; padding: 0 1rem; color: #1b1b1f; background: #fbfaf7 }
            h1 { font-size: 2rem; margin: 0 0 .5rem }
            code { background: #ece9e1; padding: .1em .35em; border-radius: .25em }
            a { color: #0b5c8a }
            @media (prefers-color-scheme: dark) { body { color: #eceaf0; background: #17171a } code { background: #2b2b30 } a { color: #7cc4f0 } }
            </style>
            </head>
            <body>
            <main>
            <h1>You are in</h1>
            <p>This page was served by worker <code>\(name)</code>, the sample backend of the waiting room.</p>
            <p>Your session keeps its slot while you are here. <a href="/leave">Leave</a> to give it to the next visitor.</p>
            </main>
            </body>
            </html>

            """.utf8
        )
    }
}
